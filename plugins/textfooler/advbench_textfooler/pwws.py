"""PWWS, probability weighted word saliency (Ren et al. 2019): WordNet's synonyms, in an order fixed beforehand."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np

from advbench import Perturbed, ScoreOracle, Streams, Supply, Wording

from .conversation import Ask, Compare, Conversation, Reply, Walk
from .drafts import Draft, like
from .ranking import importances, ranked
from .resources import synonyms, tagger, tagger_supply, wordnet_supply
from .tagger import Tagger, tokens_of
from .tags import universal
from .wordnet import Synonyms


@dataclass(frozen=True)
class Pwws:
    """Each word's best synonym is found on the original text; words are then replaced by what that gains, weighted.

    In all it asks 1 + n + all synonyms + the replacements made.
    """

    def supply(self) -> Supply:
        return wordnet_supply("pwws", (tagger_supply("pwws"),))

    def perturb(self, oracle: ScoreOracle, x: tuple[str, ...], rng: Streams) -> Perturbed:
        """All texts step together."""
        self.supply().open()
        near, speech, labels = synonyms(), tagger(), oracle.goal.y.tolist()
        walks = {row: _walk(text, labels[row], near, speech) for row, text in enumerate(x)}
        return Conversation(oracle).lead(x, walks)


def _walk(text: str, label: int, near: Synonyms, speech: Tagger) -> Walk:
    clean: Reply = yield Ask([text])
    wording = Wording.of(text)
    if not len(clean) or not len(wording):
        return None
    saliency = yield from importances(wording, clean, label, "unknown", "true")
    if saliency is None:
        return None
    tokens, places = tokens_of(wording)
    tags = speech.tagged(tokens)
    draft = Draft(wording)
    best: dict[int, str] = {}
    gains = np.zeros(len(draft))
    for at, place in enumerate(places):
        others = near.near(draft.words[at], universal(tags[place]))
        if not others:
            continue
        found = yield from _best(draft, at, others, label)
        if found is None:
            return None
        best[at] = found[0]
        gains[at] = clean.probabilities[0][label] - found[1]
    weights = np.exp(np.array(saliency) - max(saliency))
    for at in ranked((weights / weights.sum() * gains).tolist()):
        if at in best:
            draft.replace(at, best[at])
            reply: Reply = yield Ask([draft.text])
            if reply.met[0]:
                return draft.text
    return None


def _best(
    draft: Draft, at: int, others: list[str], label: int
) -> Generator[Ask | Compare, Any, tuple[str, float] | None]:
    """The synonym with the lowest probability of the true class, and that; None if the budget ended."""
    before, after = draft.around(at)
    words = like(draft.words[at], others)
    reply: Reply = yield Ask([before + word + after for word in words])
    if len(reply) < len(words):
        return None
    lowest = int(reply.probabilities[:, label].argmin())
    return words[lowest], float(reply.probabilities[lowest, label])
