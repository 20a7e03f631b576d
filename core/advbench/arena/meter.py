"""The second counter: what a contender really answered, whoever asked."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..contract.protocols import ChunkLoss, Contender, Draws, State


class Metered:
    """A contender that counts its answered rows. Padding is discounted by whoever padded.

    Oracles hold only this, so an attack that digs past its oracle is seen: the ledger will
    not know of what the meter counted.
    """

    def __init__(self, contender: Contender) -> None:
        self._contender = contender
        self.facts = contender.facts
        self.rows = 0
        self.gradients = 0

    def labels(self, x: Any, *, noise: Draws | None = None) -> Tensor:
        answer = self._contender.labels(x, noise=noise)
        self.rows += len(x)
        return answer

    def scores(self, x: Any, *, noise: Draws | None = None) -> Tensor:
        answer = self._contender.scores(x, noise=noise)
        self.rows += len(x)
        return answer

    def value_and_grad(
        self, x: Tensor, loss: ChunkLoss, *, gradient: str, noise: Draws | None = None
    ) -> tuple[Tensor, Tensor]:
        answer = self._contender.value_and_grad(x, loss, gradient=gradient, noise=noise)
        self.rows += len(x)
        self.gradients += len(x)
        return answer

    def state(self) -> State:
        return self._contender.state()

    def discount(self, padding: int, gradients: bool = False) -> None:
        """Take rows back that were only padding."""
        self.rows -= padding
        self.gradients -= padding if gradients else 0
