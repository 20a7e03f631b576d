"""The table of nearest words."""

from __future__ import annotations

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
        row = self._place.get(word.lower())
        if row is None:
            return []
        pairs = zip(self._near[row, :count].tolist(), self._cosine[row, :count].tolist(), strict=True)
        return [(self._words[other], cosine) for other, cosine in pairs if cosine >= least]
