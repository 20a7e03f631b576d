"""The order of importance alone: nothing is replaced, words are left out."""

from __future__ import annotations

from dataclasses import dataclass

from advbench import Perturbed, ScoreOracle, Streams, Wording

from .conversation import Ask, Conversation, Reply, Walk
from .ranking import importances, ranked


@dataclass(frozen=True)
class WordDeletion:
    """Deletes the most important words one after the other, until the label changes: 1 + n queries, and one each."""

    def perturb(self, oracle: ScoreOracle, x: tuple[str, ...], rng: Streams) -> Perturbed:
        """All texts step together."""
        labels = oracle.goal.y.tolist()
        return Conversation(oracle).lead(x, {row: _walk(text, labels[row]) for row, text in enumerate(x)})


def _walk(text: str, label: int) -> Walk:
    clean: Reply = yield Ask([text])
    draft = Wording.of(text)
    if not len(clean) or not len(draft):
        return None
    values = yield from importances(draft, clean, label, "deletion", "both")
    gone: list[int] = []
    for at in ranked(values or []):
        draft = draft.without(at - sum(other < at for other in gone))
        gone.append(at)
        reply: Reply = yield Ask([draft.text])
        if reply.met[0]:
            return draft.text
    return None
