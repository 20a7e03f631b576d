"""WordNet's database files: which words share a sense, and which are opposites."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from advbench import Arrays, ArrayWriter, DataError

from .vocabulary import put_words, words_of

Numbers: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"
PARTS = ("noun", "verb", "adj", "adv")
TAGS = ("NOUN", "VERB", "ADJ", "ADV")  # the universal tag of each
FILES = tuple(f"{kind}.{part}" for kind in ("data", "index") for part in PARTS)
_LAST = 255
_PLAIN = re.compile(r"[a-z]+(?:['-][a-z]+)*")


@dataclass(frozen=True)
class Sense:
    """One line of a data file. words: None where it is not one plain word; opposites: (own word, offset, its word)."""

    offset: int
    words: tuple[str | None, ...]
    opposites: tuple[tuple[int, int, int], ...]


def make_wordnet(folder: Path, writer: ArrayWriter) -> Mapping[str, Any]:
    """`words`; `synonyms` int32 (P, 2), sorted; of each pair its part of speech `part`, and `rank`, 1 if they share a
    sense that is the most frequent one of both words, 2 the second, …; `antonyms` int32 (A, 2).
    """
    alike: dict[tuple[int, str, str], int] = {}
    opposed: set[tuple[str, str]] = set()
    for part, name in enumerate(PARTS):
        rank_of = dict(ranks_of(folder / f"index.{name}"))
        senses = {sense.offset: sense for sense in senses_of(folder / f"data.{name}")}
        for sense in senses.values():
            plain = dict.fromkeys(word for word in sense.words if word)
            for one, other in permutations(plain, 2):
                rank = max(rank_of.get((word, sense.offset), _LAST) for word in (one, other))
                alike[part, one, other] = min(rank, alike.get((part, one, other), _LAST))
            opposed |= set(_opposites(sense, senses))
    words = sorted({word for _, *pair in alike for word in pair} | {word for pair in opposed for word in pair})
    if not alike or not opposed:
        raise DataError(f"{folder}: it must hold synonyms and antonyms, got none. Get WordNet's data files again.")
    place = {word: number for number, word in enumerate(words)}
    pairs = sorted((part, place[one], place[other]) for part, one, other in alike)
    put_words(writer, "words", words)
    writer.put("synonyms", np.array([pair[1:] for pair in pairs], np.int32))
    writer.put("part", np.array([pair[0] for pair in pairs], np.uint8))
    ranks = [alike[part, words[one], words[other]] for part, one, other in pairs]
    writer.put("rank", np.array(ranks, np.uint8))
    writer.put("antonyms", np.array(sorted((place[one], place[other]) for one, other in opposed), np.int32))
    return {"words": len(words), "synonyms": len(pairs), "antonyms": len(opposed)}


def ranks_of(path: Path) -> Iterator[tuple[tuple[str, int], int]]:
    """For each word and each sense of it, by offset: the sense's rank, 1 = the most frequent."""
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            parts = line.split()
            if line.startswith("  ") or len(parts) < 4 or not parts[2].isdigit():
                continue
            for rank, offset in enumerate(parts[-int(parts[2]) :], 1):
                yield (parts[0], int(offset)), min(rank, _LAST)


def senses_of(path: Path) -> Iterator[Sense]:
    """All of a file. Raises DataError naming the line that is none."""
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            if line.startswith("  "):
                continue  # the licence
            try:
                yield _sense(line.partition("|")[0].split())
            except (ValueError, IndexError):
                raise DataError(f"{path}: line {number} must be a sense, got {line[:40]!r}. Get it again.") from None


def _sense(parts: Sequence[str]) -> Sense:
    count = int(parts[3], 16)
    words = tuple(_plain(parts[4 + 2 * i]) for i in range(count))
    start = 4 + 2 * count
    opposites = []
    for i in range(int(parts[start])):
        symbol, offset, _, ends = parts[start + 1 + 4 * i : start + 5 + 4 * i]
        if symbol == "!" and ends != "0000":
            opposites.append((int(ends[:2], 16) - 1, int(offset), int(ends[2:], 16) - 1))
    return Sense(int(parts[0]), words, tuple(opposites))


def _plain(word: str) -> str | None:
    word = word.partition("(")[0]  # adjectives may say where they stand: galore(ip)
    return word if _PLAIN.fullmatch(word) else None


def _opposites(sense: Sense, senses: Mapping[int, Sense]) -> Iterator[tuple[str, str]]:
    for own, offset, other in sense.opposites:
        there = senses.get(offset)
        if there is not None and own < len(sense.words) and other < len(there.words):
            one, two = sense.words[own], there.words[other]
            if one and two and one != two:
                yield min(one, two), max(one, two)


class Synonyms:
    """The synonyms of a word as one part of speech, in the order of the alphabet."""

    def __init__(self, arrays: Arrays) -> None:
        self._words = words_of(arrays, "words")
        self._place = {word: number for number, word in enumerate(self._words)}
        pairs, part = arrays["synonyms"], np.asarray(arrays["part"])
        self._of = {}
        for number, tag in enumerate(TAGS):
            own = pairs[part == number]
            self._of[tag] = (np.searchsorted(own[:, 0], np.arange(len(self._words) + 1)), own[:, 1])

    def near(self, word: str, tag: str) -> list[str]:
        """None for a word that WordNet does not list as it stands, or for another part of speech."""
        place = self._place.get(word.lower())
        if place is None or tag not in self._of:
            return []
        starts, others = self._of[tag]
        return [self._words[other] for other in others[starts[place] : starts[place + 1]].tolist()]
