"""The table of nearest words."""

from __future__ import annotations

from bisect import bisect_right
from operator import neg

import numpy as np

from advbench import Arrays

from .vocabulary import words_of


class Neighbours:
    """Mapped into memory; a row is read when its word is met."""

    def __init__(self, arrays: Arrays) -> None:
        self._words = words_of(arrays, "words")
        self._place = {word: row for row, word in enumerate(self._words)}
        self._near, self._cosine = np.asarray(arrays["near"]), np.asarray(arrays["cosine"])
        self.digest = arrays.digest

    def near(self, word: str, count: int, least: float) -> list[tuple[str, float]]:
        """At most `count` words with a cosine of at least `least`, best first; none for an unknown word."""
        return list(zip(*self.nearest(word, count, least), strict=True))

    def nearest(self, word: str, count: int, least: float) -> tuple[list[str], list[float]]:
        """The same as words and their cosines."""
        row = self._place.get(word.lower())
        if row is None:
            return [], []
        cosines = self._cosine[row, :count].tolist()
        many = bisect_right(cosines, -least, key=neg)
        return list(map(self._words.__getitem__, self._near[row, :many].tolist())), cosines[:many]
