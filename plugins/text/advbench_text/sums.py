"""Sums of the word vectors of texts, each found from the text before it.

An attack tries one word after another in the same place. What stands before and after that place is added up once,
and what stands in it has mostly been there before.
"""

from __future__ import annotations

import numpy as np

from .shared import shared
from .vectors import Numbers, Vectors

_AT_ONCE = 1 << 14  # word vectors added up at a time
_KEPT, _SHORT = 1 << 14, 48  # sums of stretches remembered; a stretch of more characters is added up anew


class Sums:
    """Texts -> whole numbers int64 (N, width) and the words added up, int64 (N,)."""

    def __init__(self, vectors: Vectors) -> None:
        self._vectors, self._stretches = vectors, Stretches(vectors)

    def __call__(self, texts: tuple[str, ...]) -> tuple[Numbers, Numbers]:
        sums, counts = [], []
        start = 0
        while start < len(texts):
            self._stretches.forget()
            course = Course(self._vectors, self._stretches)
            start = course.follow(texts, start)
            bases = np.array(course.bases)
            sums.append(self._of_bases(course)[bases] + self._stretches.sums[course.own])
            counts.append(np.array(course.counts)[bases] + self._stretches.counts[course.own])
        if len(sums) == 1:
            return sums[0], counts[0]
        none = np.zeros((0, self._vectors.width), np.int64)
        return np.concatenate([none, *sums]), np.concatenate([none[:, 0], *counts])

    def _of_bases(self, course: Course) -> Numbers:
        """int64 (bases, width)."""
        rows = np.array(course.rows, np.int64)
        gone = rows >> 63  # -1 for what went, else 0
        total = np.zeros((len(rows) + 1, self._vectors.width), np.int64)
        np.multiply(self._vectors.table[rows ^ gone], (gone | 1)[:, None], out=total[1:])
        total.cumsum(axis=0, out=total)
        found: Numbers = total[course.ends] - total[course.origins]
        return found


class Stretches:
    """Sums of what was met between two parts that texts shared. Number 0 is of nothing."""

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors
        self.numbers: dict[str, int] = {"": 0}
        self.sums: Numbers = np.zeros((_KEPT // 16, vectors.width), np.int64)
        self.counts: Numbers = np.zeros(_KEPT // 16, np.int64)

    def forget(self) -> None:
        """Once they are many. No number given out before is good any longer."""
        if len(self.numbers) > _KEPT:
            self.numbers = {"": 0}

    def add(self, stretch: str) -> int:
        """The number of a stretch that has none yet."""
        number = len(self.numbers)
        if number == len(self.counts):
            self.sums = np.concatenate([self.sums, np.zeros_like(self.sums)])
            self.counts = np.concatenate([self.counts, np.zeros_like(self.counts)])
        rows = self._vectors.rows_of(stretch)
        self.sums[number] = self._vectors.table[rows].sum(axis=0, dtype=np.int64)
        self.counts[number] = len(rows)
        self.numbers[stretch] = number
        return number


class Course:
    """The way through the texts of a call. Every text is a base and a stretch.

    rows: of the vectors to add, or ~row to take away; a base is what lies from its origin to its end in them.
    counts: words of each base. bases, own: each text's base and stretch.
    """

    def __init__(self, vectors: Vectors, stretches: Stretches) -> None:
        self._vectors, self._stretches = vectors, stretches
        self.rows: list[int] = []
        self.ends: list[int] = []
        self.origins: list[int] = []
        self.counts: list[int] = []
        self.bases: list[int] = []
        self.own: list[int] = []
        self._between: list[int] = []  # rows of what stood between head and tail when the base was made
        self._whole = True  # whether they are in the base

    def follow(self, texts: tuple[str, ...], start: int) -> int:
        """One past the last text that was taken in: all, or as many as are added up at a time."""
        numbers, bases, own, base = self._stretches.numbers, self.bases, self.own, -1
        head, tail, before, least, most = "", "", "", 0, -1
        for place in range(start, len(texts)):
            text = texts[place]
            size = len(text)
            if least <= size <= most and text.startswith(head) and text.endswith(tail):
                if self._whole:
                    self._leave()
                    base += 1
                stretch = text[len(head) : size - len(tail)]
                number = numbers.get(stretch)
                if number is None:
                    number = self._stretches.add(stretch)
            else:
                head, tail = self._turn(before, text, head, tail)
                least = len(head) + len(tail)
                most = least + _SHORT if least else -1
                base += 1
                number = 0
            own.append(number)
            bases.append(base)
            before = text
            if len(self.rows) >= _AT_ONCE:
                return place + 1
        return len(texts)

    def _leave(self) -> None:
        """Go on from what stands before and after alone."""
        self._base(self.origins[-1], self.counts[-1], self._between, [])
        self._whole = False

    def _turn(self, before: str, text: str, head: str, tail: str) -> tuple[str, str]:
        """Go on to a text that differs elsewhere from the one before it; what stands before and after that place."""
        start, end = shared(before, text, len(head), len(tail))
        gone: list[int] = []
        came: list[int] = []
        if not start and not end:
            origin, count = len(self.rows), 0
        else:
            origin, count = self.origins[-1], self.counts[-1]
            gone = self._vectors.rows_of(before[start : len(before) - end])
            if not self._whole:
                came = self._vectors.rows_of(before[len(head) : len(before) - len(tail)])
        self._between, self._whole = self._vectors.rows_of(text[start : len(text) - end]), True
        self._base(origin, count, gone, came + self._between)
        return text[:start], text[len(text) - end :]

    def _base(self, origin: int, count: int, gone: list[int], came: list[int]) -> None:
        self.origins.append(origin)
        self.counts.append(count + len(came) - len(gone))
        self.rows += [~row for row in gone]
        self.rows += came
        self.ends.append(len(self.rows))
