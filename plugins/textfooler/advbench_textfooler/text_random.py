"""The control: random words replaced by random near words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from advbench import Perturbed, ScoreOracle, Streams, Supply, Wording, param

from .conversation import Ask, Conversation, Reply, Walk
from .drafts import Draft, like
from .neighbours import Neighbours
from .resources import neighbours, neighbours_supply
from .stop_words import STOP_WORDS
from .textfooler import digest_note


@dataclass(frozen=True)
class TextRandom:
    """Words in random order, each replaced once by any of its neighbours, until the label changes. One query each."""

    cosine: float = param(0.5, ge=-1, le=1, help="least cosine of two words")
    neighbours: int = param(50, ge=1, le=50, help="candidates for a word")
    vectors: Path | None = param(None, help="as for textfooler")  # noqa: RUF009

    def supply(self) -> Supply:
        return neighbours_supply("text-random", self.vectors)

    def perturb(self, oracle: ScoreOracle, x: tuple[str, ...], rng: Streams) -> Perturbed:
        """All texts step together."""
        table = neighbours(self.supply())
        walks = {row: self._walk(text, table, rng, row) for row, text in enumerate(x)}
        return replace(Conversation(oracle).lead(x, walks), notes={"candidates_digest": digest_note(table, len(x))})

    def _walk(self, text: str, table: Neighbours, rng: Streams, row: int) -> Walk:
        draft = Draft(Wording.of(text))
        if not len(draft):
            return None
        drawn = rng.uniform(torch.tensor([row]), (2, len(draft)))[0].cpu()
        for at in drawn[0].argsort(stable=True).tolist():
            word = draft.words[at]
            near = [] if word.lower() in STOP_WORDS else table.near(word, self.neighbours, self.cosine)
            if near:
                chosen, _ = near[int(drawn[1, at] * len(near))]
                draft.replace(at, like(word, [chosen])[0])
                reply: Reply = yield Ask([draft.text])
                if reply.met[0]:
                    return draft.text
        return None
