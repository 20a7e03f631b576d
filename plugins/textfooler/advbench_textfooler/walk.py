"""TextFooler's course through one document."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from advbench import Wording

from .conversation import Ask, Compare, Reply, Walk
from .drafts import Draft, like
from .neighbours import Neighbours
from .ranking import importances, ranked
from .settings import WINDOW, Settings, measured
from .speech import Speech
from .steps import Log, Step
from .stop_words import STOP_WORDS
from .tagger import Tagger
from .turn import Turn

_FEW = 4  # candidates compared at a time, where the first that passes is taken


@dataclass(frozen=True)
class Means:
    """What a walk works with. tagger: None leaves the part of speech free; compares: whether windows are compared."""

    settings: Settings
    neighbours: Neighbours
    tagger: Tagger | None
    compares: bool
    count: int = 50  # candidates for a word


def walk(text: str, label: int, means: Means, log: Log | None = None) -> Walk:
    """Asks, compares, and ends with the text that succeeded, or None.

    In all it asks 1 + n + the candidates of all words that had their turn, n words.
    """
    clean: Reply = yield Ask([text])
    wording = Wording.of(text)
    if not len(clean) or not len(wording):
        return None
    settings = means.settings
    values = yield from importances(wording, clean, label, settings.importance, settings.score)
    if values is None:
        return None
    current = _Current(wording, label, float(clean.probabilities[0][label]), means)
    for at in ranked(values):
        if wording.words[at].lower() in STOP_WORDS:
            continue
        turn = current.turn(at)
        if not turn.words:
            continue
        before = current.chance
        end = yield from current.take(at, turn)
        if log:
            log(Step(at, wording.words[at], values[at], before, turn.record()))
        if end != "on":
            return None if turn.broke is None else turn.texts[turn.broke]
    return None


class _Current:
    """The current text, and what one word's turn makes of it. Candidates go by their places in the turn's lists."""

    def __init__(self, wording: Wording, label: int, chance: float, means: Means) -> None:
        self.draft, self.label, self.means = Draft(wording), label, means
        self.first = self.chance = chance
        self.speech = Speech(means.tagger, wording, means.settings) if means.tagger else None
        self._least = means.settings.least(len(wording))
        self._compares = means.compares and self._least > -math.inf

    def turn(self, at: int) -> Turn:
        """A word's candidates, about which nothing was asked yet."""
        word, means = self.draft.words[at], self.means
        near, cosines = means.neighbours.nearest(word, means.count, means.settings.cosine)
        own = word.lower()
        if own in near:
            cosines = [cosine for other, cosine in zip(near, cosines, strict=True) if other != own]
            near = [other for other in near if other != own]
        words = like(word, near)
        before, after = self.draft.around(at)
        fits = self.speech.fits(at, words) if self.speech and words else [True] * len(words)
        return Turn(words, cosines, [before + other + after for other in words], fits, self._least)

    def take(self, at: int, turn: Turn) -> Generator[Ask | Compare, Any, Literal["on", "end"]]:
        """What comes: "on" for the next word, "end" where a candidate broke it or the budget ended."""
        same = [one for one, fit in enumerate(turn.fits) if fit]
        asked: Sequence[int] = range(len(turn.words))
        if self.means.settings.ask == "passing":
            asked = same = yield from self._similar(at, turn, same)
        if not asked:
            return "on"
        reply: Reply = yield Ask([turn.texts[one] for one in asked])
        chances = reply.probabilities[:, self.label].tolist()
        for one, chance, met in zip(asked, chances, reply.met, strict=False):
            turn.chance[one], turn.met[one] = chance, met
        broken = yield from self._similar(at, turn, [one for one in same if turn.met[one]])
        if broken:
            # Where nothing is compared, the one that the true class is least likely for.
            turn.broke = max(broken, key=lambda one: (turn.similarity[one] or 0.0, -(turn.chance[one] or 0.0)))
            return "end"
        if len(reply) < len(asked):
            return "end"
        yield from self._accept(at, turn, [one for one in same if not turn.met[one]])
        return "on"

    def _accept(self, at: int, turn: Turn, candidates: list[int]) -> Generator[Compare, Any, None]:
        """Replace the word by the candidate that makes the true class least likely, if one helps at all."""
        turn.limit = limit = self.chance if self.means.settings.accept == "current" else self.first
        chances = {one: chance for one in candidates if (chance := turn.chance[one]) is not None and chance < limit}
        helps = sorted(chances, key=chances.__getitem__)
        for start in range(0, len(helps), _FEW):
            passing = yield from self._similar(at, turn, helps[start : start + _FEW])
            if passing:
                turn.chosen = one = passing[0]
                self.chance = chances[one]
                self.draft.replace(at, turn.words[one])
                if self.speech:
                    self.speech.replace(at, turn.words[one])
                return

    def _similar(self, at: int, turn: Turn, candidates: list[int]) -> Generator[Compare, Any, list[int]]:
        """Those like enough to the current text in a window around the word."""
        new = [one for one in candidates if turn.similarity[one] is None]
        if new and self._compares:
            before, after = self.draft.window(at, WINDOW)
            cosines = yield Compare(
                before + self.draft.words[at] + after, [before + turn.words[one] + after for one in new]
            )
            for one, value in zip(new, measured(cosines, self.means.settings.arithmetic).tolist(), strict=True):
                turn.similarity[one] = value
        return turn.alike(candidates)
