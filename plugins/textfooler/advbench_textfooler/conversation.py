"""All live documents step together: each is a generator that asks, and the answers of one round come in one call.

A document's own course is written as if it were alone in the world; nothing of its neighbours reaches it.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from advbench import BudgetSpent, Perturbed, ScoreOracle

from .likeness import Encode, Likeness

Numbers: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"


@dataclass(slots=True, eq=False)
class Ask:
    """Texts to put to the contender: one query each."""

    texts: list[str]


@dataclass(slots=True, eq=False)
class Compare:
    """Texts whose likeness to `base` is wanted: cosines of sentence vectors, float64. No query."""

    base: str
    texts: list[str]


@dataclass(slots=True, eq=False)
class Reply:
    """The contender's answers, fewer than the texts asked if the budget ended on the way.

    probabilities: float64 (M, classes); label, met: its choice, and whether that is success.
    """

    probabilities: Numbers
    label: list[int]
    met: list[bool]

    def __len__(self) -> int:
        return len(self.label)


# Ends with the text that was asked about and succeeded, or with None.
Walk: TypeAlias = Generator[Ask | Compare, Any, str | None]


@dataclass
class Conversation:
    """Leads the walks, one for each row of the shard, to their ends."""

    oracle: ScoreOracle
    encode: Encode | None = None
    found: dict[int, str] = field(default_factory=dict)
    notes: dict[str, Tensor] = field(default_factory=dict)

    def lead(self, x: tuple[str, ...], walks: Mapping[int, Walk]) -> Perturbed:
        """The last texts of those that succeeded; the others come back as they were."""
        self._walks = dict(walks)
        self._waiting: dict[int, Ask | Compare] = {}
        self._first: dict[int, Numbers] = {}  # the bits of each row's first answer
        self._blind = dict.fromkeys(walks, True)  # whether all others were the same
        self._asked = dict.fromkeys(walks, 0)
        self._likeness = None if self.encode is None else Likeness(self.encode)
        for row in walks:
            self._send(row, None)
        try:
            while self._waiting:
                self._compare()
                self._ask()
        except BudgetSpent:
            pass
        if self.found:
            rows = torch.tensor(list(self.found), device=self.oracle.device)
            self.oracle.offer(tuple(self.found.values()), rows)
        blind = [row not in self.found and self._asked[row] > 1 and self._blind[row] for row in walks]
        points = tuple(self.found.get(row, text) for row, text in enumerate(x))
        return Perturbed(points, blind=torch.tensor(blind, dtype=torch.bool, device=self.oracle.device))

    def _send(self, row: int, answer: Any) -> None:
        self._waiting.pop(row, None)
        try:
            walk = self._walks[row]
            self._waiting[row] = next(walk) if answer is None else walk.send(answer)
        except StopIteration as end:
            if end.value is not None:
                self.found[row] = end.value

    def _compare(self) -> None:
        """Answer all that only want to compare, until everybody asks or has ended."""
        while wanting := {row: one for row, one in self._waiting.items() if isinstance(one, Compare)}:
            assert self._likeness is not None
            bases, others = zip(*((one.base, one.texts) for one in wanting.values()), strict=True)
            for row, found in zip(wanting, self._likeness.cosines(bases, others), strict=True):
                self._send(row, found)

    def _ask(self) -> None:
        """One call of the oracle for everybody who is live."""
        left = self.oracle.left().tolist()
        self._waiting = {row: one for row, one in self._waiting.items() if left[row]}
        asks = {row: one.texts[: left[row]] for row, one in self._waiting.items() if isinstance(one, Ask)}
        if not asks:
            return
        counts = [len(texts) for texts in asks.values()]
        rows = torch.from_numpy(np.array(list(asks)).repeat(counts)).to(self.oracle.device)
        scores = self.oracle.scores(tuple(text for texts in asks.values() for text in texts), rows, withhold=True)
        winners = scores.argmax(dim=1)
        met, labels = self.oracle.goal.met(winners, rows).tolist(), winners.tolist()
        numbers = scores.double()
        shares = np.exp((numbers - numbers.amax(dim=1, keepdim=True)).cpu().numpy())
        shares /= shares.sum(axis=1, keepdims=True)
        live, bits = self.oracle.live.tolist(), shares.view(np.int64)
        start = 0
        for row, texts in asks.items():
            part = slice(start, start + len(texts))
            start = part.stop
            if not live[row] and len(texts) < left[row]:  # out of time: what it was told is nothing
                del self._waiting[row]
                continue
            self._asked[row] += len(texts)
            if self._blind[row]:
                self._blind[row] = bool((bits[part] == self._first.setdefault(row, bits[part.start])).all())
            self._send(row, Reply(shares[part], labels[part], met[part]))
