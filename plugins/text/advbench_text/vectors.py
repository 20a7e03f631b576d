"""Word vectors at work: found by bisection in a sorted vocabulary on disk, added up without rounding."""

from __future__ import annotations

import bisect
import math
import re
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np

from advbench import Arrays, Wording

Numbers: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"
_BITS = 30  # of a fixed-point number, without its sign
_FIRST = 1024  # rows of the table to begin with
_STRETCHES, SHORT = 1 << 15, 48  # stretches of so few characters are remembered: an attack asks again and again
_HYPHENS = re.compile("[-\u2019']")


class Vectors:
    """Rows of fixed-point numbers for the words met so far; nothing else is read.

    `scale`: the number of steps in 1, a power of two. Sums of such rows are whole numbers, so
    that the order in which words come and go cannot show.
    """

    def __init__(self, arrays: Arrays) -> None:
        self.width = int(arrays.meta["width"])
        most = max(abs(float(arrays.meta["low"])), abs(float(arrays.meta["high"])), 1e-30)
        self.scale = 2.0 ** (_BITS - 1 - math.frexp(most)[1])
        self._words, self._ends, self._order = arrays["words"], arrays["ends"], arrays["order"]
        self._source = arrays["vectors"]
        self._rows: dict[str, tuple[int, ...]] = {}  # of a word as it stands in a text
        self._of_stretch = lru_cache(_STRETCHES)(self._split)
        self.table: Numbers = np.zeros((_FIRST, self.width), np.int32)
        self.count = 0

    def rows_of(self, text: str) -> list[int]:
        """Row of `table` for every word of the text that has a vector, in order."""
        return self._of_stretch(text) if len(text) <= SHORT else self._split(text)

    def _split(self, text: str) -> list[int]:
        found: list[int] = []
        for word in Wording.of(text).words:
            rows = self._rows.get(word)
            found += self._look_up(word) if rows is None else rows
        return found

    def find(self, word: str) -> int | None:
        """Row in the source of exactly this spelling, or None."""
        wanted = word.encode(errors="replace")
        place = bisect.bisect_left(range(len(self._ends)), wanted, key=self._word)
        return int(self._order[place]) if place < len(self._ends) and self._word(place) == wanted else None

    def _word(self, place: int) -> bytes:
        start = int(self._ends[place - 1]) if place else 0
        return self._words[start : int(self._ends[place])].tobytes()

    def _look_up(self, word: str) -> tuple[int, ...]:
        """Of a word as typed, in small letters, or else of its known parts."""
        whole = [self.find(one) for one in (word, word.lower())]
        sources = next(([one] for one in whole if one is not None), None)
        if sources is None:
            sources = [one for part in _parts(word.lower()) if (one := self.find(part)) is not None]
        self._rows[word] = tuple(self._add(source) for source in sources)
        return self._rows[word]

    def _add(self, source: int) -> int:
        if self.count == len(self.table):
            self.table = np.concatenate([self.table, np.zeros_like(self.table)])
        self.table[self.count] = np.rint(self._source[source].astype(np.float64) * self.scale)
        self.count += 1
        return self.count - 1


def _parts(word: str) -> list[str]:
    """As published vectors cut words: `do n't`, `film 's`, `well made`."""
    word = word.replace("\u2019", "'")
    if word.endswith("n't"):
        return [*_HYPHENS.split(word[:-3]), "n't"]
    head, mark, tail = word.rpartition("'")
    return [*_HYPHENS.split(head), mark + tail] if mark else _HYPHENS.split(word)
