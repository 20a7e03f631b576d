"""TextFooler's course through one document."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Literal

from advbench import Wording

from .conversation import Ask, Compare, Reply, Walk
from .drafts import around, like, stretch, window
from .neighbours import Neighbours
from .ranking import importances, ranked
from .settings import WINDOW, Settings, measured
from .speech import Speech
from .steps import Candidate, Log, Step, ignore
from .stop_words import STOP_WORDS
from .tagger import Tagger

_FEW = 4  # candidates compared at a time, where the first that passes is taken


@dataclass(frozen=True)
class Means:
    """What a walk works with. tagger: None leaves the part of speech free; compares: whether windows are compared."""

    settings: Settings
    neighbours: Neighbours
    tagger: Tagger | None
    compares: bool
    count: int = 50  # candidates for a word


def walk(text: str, label: int, means: Means, log: Log = ignore) -> Walk:
    """Asks, compares, and ends with the text that succeeded, or None.

    In all it asks 1 + n + the candidates of all words that had their turn, n words.
    """
    clean: Reply = yield Ask([text])
    draft = Wording.of(text)
    if not len(clean) or not len(draft):
        return None
    settings = means.settings
    values = yield from importances(draft, clean, label, settings.importance, settings.score)
    if values is None:
        return None
    turn = _Turns(draft, label, float(clean.probabilities[0][label]), means)
    for at in ranked(values):
        if draft.words[at].lower() in STOP_WORDS:
            continue
        candidates = turn.candidates(at)
        if not candidates:
            continue
        before = turn.chance
        found = yield from turn.take(at, candidates)
        log(Step(at, draft.words[at], values[at], before, tuple(candidates)))
        if found != "on":
            return found.text if isinstance(found, Candidate) else None
    return None


_Outcome = Generator[Ask | Compare, Any, "Candidate | Literal['on', 'spent']"]


class _Turns:
    """The current text, and what one word's turn makes of it."""

    def __init__(self, draft: Wording, label: int, chance: float, means: Means) -> None:
        self.draft, self.label, self.means = draft, label, means
        self.first = self.chance = chance
        self.speech = Speech(means.tagger, draft, means.settings) if means.tagger else None

    def candidates(self, at: int) -> list[Candidate]:
        word, means = self.draft.words[at], self.means
        near = means.neighbours.near(word, means.count, means.settings.cosine)
        before, after = around(self.draft, at) if near else ("", "")
        found = [Candidate(like(word, other), cosine) for other, cosine in near if other != word.lower()]
        for one in found:
            one.text = before + one.word + after
        return found

    def take(self, at: int, candidates: list[Candidate]) -> _Outcome:
        """The candidate that broke it; "on" for the next word, "spent" where the budget ended."""
        fits = self.speech.fits(at, [one.word for one in candidates]) if self.speech else [True] * len(candidates)
        for one, fit in zip(candidates, fits, strict=True):
            one.fate = "not compared" if fit else "wrong part of speech"
        same = [one for one in candidates if one.fate == "not compared"]
        first = self.means.settings.ask == "passing"
        asked = (yield from self._similar(at, same)) if first else candidates
        if asked:
            reply: Reply = yield Ask([one.text for one in asked])
            for one, shares, met in zip(asked, reply.probabilities, reply.met, strict=False):
                one.chance, one.met = float(shares[self.label]), met
            same = [one for one in same if one.chance is not None and one.fate != "too different"]
            broken = yield from self._similar(at, [one for one in same if one.met])
            if broken:
                # Where nothing is compared, the one that the true class is least likely for.
                best = max(broken, key=lambda one: (one.similarity or 0.0, -(one.chance or 0.0)))
                for one in broken:
                    one.fate = "broke it" if one is best else "broke it too"
                return best
            if len(reply) < len(asked):
                return "spent"
            yield from self._accept(at, [one for one in same if not one.met])
        return "on"

    def _accept(self, at: int, candidates: list[Candidate]) -> Generator[Compare, Any, None]:
        """Replace the word by the candidate that makes the true class least likely, if one helps at all."""
        limit = self.chance if self.means.settings.accept == "current" else self.first
        chances = {one: one.chance for one in candidates if one.chance is not None}
        helps = sorted((one for one in candidates if chances[one] < limit), key=lambda one: chances[one])
        for one in candidates:
            one.fate = "better" if chances[one] < limit else "no better"
        for start in range(0, len(helps), _FEW):
            passing = yield from self._similar(at, helps[start : start + _FEW])
            if passing:
                one = passing[0]
                one.fate = "chosen"
                self.draft, self.chance = self.draft.replaced(at, one.word), chances[one]
                if self.speech:
                    self.speech.replace(at, one.word)
                return

    def _similar(self, at: int, candidates: list[Candidate]) -> Generator[Compare, Any, list[Candidate]]:
        """Those like enough to the current text in a window around the word."""
        settings, words = self.means.settings, len(self.draft)
        least = settings.least(words)
        new = [one for one in candidates if one.similarity is None]
        if new and self.means.compares and least > -math.inf:
            start, stop = window(at, words, WINDOW)
            part = stretch(self.draft, start, stop)
            before, after = around(part, at - start)
            cosines = yield Compare(part.text, [before + one.word + after for one in new])
            for one, value in zip(new, measured(cosines, settings.arithmetic).tolist(), strict=True):
                one.similarity = value
        for one in new:
            if one.similarity is not None and one.similarity < least:
                one.fate = "too different"
        return [one for one in candidates if one.fate != "too different"]
