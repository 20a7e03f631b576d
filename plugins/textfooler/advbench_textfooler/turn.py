"""One word's turn: its candidates, and what was found out about each."""

from __future__ import annotations

from dataclasses import dataclass, field

from .steps import Candidate, Fate


@dataclass(slots=True)
class Turn:
    """Lists have an entry per candidate; None is what was never found out.

    texts: the current text with the candidate in it. least: similarity that is asked. limit: what the chances of the
    true class were held against; chosen, broke: which candidate stays, and which one succeeded.
    """

    words: list[str]
    cosines: list[float]
    texts: list[str]
    fits: list[bool]
    least: float
    similarity: list[float | None] = field(init=False)
    chance: list[float | None] = field(init=False)
    met: list[bool] = field(init=False)
    limit: float | None = None
    chosen: int | None = None
    broke: int | None = None

    def __post_init__(self) -> None:
        count = len(self.words)
        self.similarity, self.chance, self.met = [None] * count, [None] * count, [False] * count

    def alike(self, some: list[int]) -> list[int]:
        """Those that are not known to be less like the current text than is asked."""
        return [one for one in some if (known := self.similarity[one]) is None or not known < self.least]

    def record(self) -> tuple[Candidate, ...]:
        """For a log, once the turn is over."""
        return tuple(
            Candidate(
                self.words[one], self.cosines[one], self.texts[one], self.similarity[one], self.chance[one],
                self.met[one], self._fate(one),
            )
            for one in range(len(self.words))
        )  # fmt: skip

    def _fate(self, one: int) -> Fate:
        chance = self.chance[one]
        if not self.fits[one]:
            return "wrong part of speech"
        if not self.alike([one]):
            return "too different"
        if self.broke is not None and self.met[one]:
            return "broke it" if one == self.broke else "broke it too"
        if self.limit is None or chance is None:
            return "not compared"
        if one == self.chosen:
            return "chosen"
        return "better" if chance < self.limit else "no better"
