"""Word vectors at work: found in a sorted vocabulary on disk, added up without rounding."""

from __future__ import annotations

import bisect
import math
import re
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from advbench import Arrays, Wording

Numbers: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"
_BITS = 30  # of a fixed-point number, without its sign
_FIRST = 1024  # rows of the table to begin with
_PIECES = 1 << 18  # remembered of what stands between white space in texts
_APART = 64  # words of the vocabulary from one that is kept in memory, to find one's way, to the next
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
        # Still on disk, but plain views: looked up faster.
        self._words, self._ends, self._order = (np.asarray(arrays[name]) for name in ("words", "ends", "order"))
        self._source = np.asarray(arrays["vectors"])
        self._signs = [self._word(place) for place in range(0, len(self._ends), _APART)]
        self._rows: dict[str, tuple[int, ...]] = {}  # of a word as it stands in a text
        self._pieces = _Pieces(self._of_piece)
        self.table: Numbers = np.zeros((_FIRST, self.width), np.int32)
        self.count = 0

    def rows_of(self, text: str) -> list[int]:
        """Row of `table` for every word of the text that has a vector, in order."""
        rows: list[int] = []
        pieces = self._pieces
        for piece in text.split():
            rows += pieces[piece]
        return rows

    def _of_piece(self, piece: str) -> tuple[int, ...]:
        own = [self._rows[word] if word in self._rows else self._look_up(word) for word in Wording.of(piece).words]
        return tuple(row for rows in own for row in rows)

    def find(self, word: str) -> int | None:
        """Row in the source of exactly this spelling, or None."""
        wanted = word.encode(errors="replace")
        start = max(0, bisect.bisect_right(self._signs, wanted) - 1) * _APART
        stop = min(start + _APART, len(self._ends))
        place = bisect.bisect_left(range(stop), wanted, start, key=self._word)
        return int(self._order[place]) if place < stop and self._word(place) == wanted else None

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


class _Pieces(dict[str, tuple[int, ...]]):
    """Rows of what stands between white space, found when first asked for: no word holds any."""

    def __init__(self, find: Callable[[str], tuple[int, ...]]) -> None:
        super().__init__()
        self._find = find

    def __missing__(self, piece: str) -> tuple[int, ...]:
        if len(self) >= _PIECES:
            self.clear()
        self[piece] = rows = self._find(piece)
        return rows


def _parts(word: str) -> list[str]:
    """As published vectors cut words: `do n't`, `film 's`, `well made`."""
    word = word.replace("\u2019", "'")
    if word.endswith("n't"):
        return [*_HYPHENS.split(word[:-3]), "n't"]
    head, mark, tail = word.rpartition("'")
    return [*_HYPHENS.split(head), mark + tail] if mark else _HYPHENS.split(word)
