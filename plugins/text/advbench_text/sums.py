"""Sums of the word vectors of texts, each found from the text before it, in this call or the last.

An attack tries one word after another in the same place. What stands before and after that place is added up once,
and what stands in it has mostly been there before.
"""

from __future__ import annotations

from itertools import islice

import numpy as np

from .shared import shared
from .vectors import Numbers, Vectors

_AT_ONCE = 1 << 14  # word vectors added up at a time
_KEPT, _SHORT = 1 << 14, 48  # sums of stretches remembered; a stretch of more characters is added up anew


class Sums:
    """Texts -> whole numbers int64 (N, width) and the words added up, int64 (N,)."""

    def __init__(self, vectors: Vectors) -> None:
        self._vectors, self._stretches = vectors, Stretches(vectors)
        self._last = ("", np.zeros(vectors.width, np.int64), 0)  # the last text, its sum, its words

    def __call__(self, texts: tuple[str, ...]) -> tuple[Numbers, Numbers]:
        sums, counts = [], []
        start = 0
        while start < len(texts):
            self._stretches.forget()
            course = Course(self._vectors, self._stretches, self._last[0], self._last[2])
            stop = course.follow(texts, start)
            starts = np.array([*course.starts, stop])
            base = np.arange(len(course.starts)).repeat(starts[1:] - starts[:-1])
            own = np.array(course.own)
            found = self._of_bases(course).take(base, axis=0)
            found += self._stretches.sums.take(own, axis=0)
            count = np.array(course.counts).take(base) + self._stretches.counts.take(own)
            sums.append(found)
            counts.append(count)
            self._last = texts[stop - 1], found[-1].copy(), int(count[-1])
            start = stop
        if len(sums) == 1:
            return sums[0], counts[0]
        none = np.zeros((0, self._vectors.width), np.int64)
        return np.concatenate([none, *sums]), np.concatenate([none[:, 0], *counts])

    def _of_bases(self, course: Course) -> Numbers:
        """int64 (bases, width)."""
        rows = np.array(course.rows, np.int32)
        gone = rows >> 31  # -1 for what went, else 0
        changes = self._vectors.table.take(rows ^ gone, axis=0)
        changes *= (gone | 1)[:, None]
        total = np.zeros((len(rows) + 1, self._vectors.width), np.int64)
        total[1:] = changes
        total.cumsum(axis=0, out=total)
        found: Numbers = total.take(course.ends, axis=0) - total.take(course.origins, axis=0)
        found[: course.following] += self._last[1]
        return found


class Stretches(dict[str, int]):
    """Numbers of what was met between two parts that texts shared, and their sums. Number 0 is of nothing."""

    def __init__(self, vectors: Vectors) -> None:
        super().__init__({"": 0})
        self._vectors = vectors
        self.sums: Numbers = np.zeros((_KEPT // 16, vectors.width), np.int64)
        self.counts: Numbers = np.zeros(_KEPT // 16, np.int64)

    def forget(self) -> None:
        """Once they are many. No number given out before is good any longer."""
        if len(self) > _KEPT:
            self.clear()
            self[""] = 0

    def __missing__(self, stretch: str) -> int:
        number = len(self)
        if number == len(self.counts):
            self.sums = np.concatenate([self.sums, np.zeros_like(self.sums)])
            self.counts = np.concatenate([self.counts, np.zeros_like(self.counts)])
        rows = self._vectors.rows_of(stretch)
        self.sums[number] = self._vectors.table[rows].sum(axis=0, dtype=np.int64)
        self.counts[number] = len(rows)
        self[stretch] = number
        return number


class Course:
    """The way through the texts of a call. Every text is a base and a stretch.

    rows: of the vectors to add, or ~row to take away; a base is what lies from its origin to its end in them.
    counts: words of each base; starts: the first text that it is the base of. own: each text's stretch.
    before: a text of `count` words; the first bases, `following` of them, go on from it.
    """

    def __init__(self, vectors: Vectors, stretches: Stretches, before: str, count: int) -> None:
        self._vectors, self._stretches, self._before = vectors, stretches, before
        self._origin, self._count = 0, count  # of the next base
        self.following: int | None = None  # all
        self.rows: list[int] = []
        self.ends: list[int] = []
        self.origins: list[int] = []
        self.counts: list[int] = []
        self.starts: list[int] = []
        self.own: list[int] = []

    def follow(self, texts: tuple[str, ...], start: int) -> int:
        """One past the last text that was taken in: all, or as many as are added up at a time."""
        numbers, own, rows_of = self._stretches, self.own, self._vectors.rows_of
        head, tail, before = "", "", self._before
        first, last, least, most = 0, 0, 0, -1  # characters of head and tail; of a text that may share both
        between: list[int] | None = []  # rows of what stands between them, if that is in the base
        for place, text in enumerate(islice(texts, start, None), start):
            size = len(text)
            if least <= size <= most and text.startswith(head) and text.endswith(tail):
                if between is not None:  # go on from head and tail alone
                    self._base(place, between, [])
                    between = None
                own.append(numbers[text[first : size - last]])
                before = text
                continue
            if len(self.rows) >= _AT_ONCE:
                return place
            came = [] if between is not None else rows_of(before[first : len(before) - last])
            first, last = shared(before, text, head, tail)
            between = rows_of(text[first : size - last])
            if least := first + last:
                self._base(place, rows_of(before[first : len(before) - last]), came + between)
                most = least + _SHORT
            else:
                self._begin()
                self._base(place, [], between)
                most = -1
            head, tail, before = text[:first], text[size - last :], text
            own.append(0)
        return len(texts)

    def _begin(self) -> None:
        """Anew, from no text."""
        if self.following is None:
            self.following = len(self.starts)
        self._origin, self._count = len(self.rows), 0

    def _base(self, place: int, gone: list[int], came: list[int]) -> None:
        """The one before it without some words and with others."""
        self.starts.append(place)
        self.origins.append(self._origin)
        self._count += len(came) - len(gone)
        self.counts.append(self._count)
        if gone:
            self.rows += [~row for row in gone]
        self.rows += came
        self.ends.append(len(self.rows))
