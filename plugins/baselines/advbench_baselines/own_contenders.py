"""Contenders around a model that was trained elsewhere: one class per access, as an oracle's type is the access."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from advbench import ChunkLoss, ContenderFacts, DatasetFacts, Draws, Modality, State

_LEAST = 1e-30  # a probability of zero has no logarithm


class Reader:
    """Prepares inputs as the model wants them, asks it, and reads what it returns."""

    def __init__(
        self, ask: Callable[[Tensor], Any], outputs: str, mean: tuple[float, ...], std: tuple[float, ...], layout: str,
        facts: DatasetFacts,
    ) -> None:  # fmt: skip
        self.ask, self.outputs, self.layout = ask, outputs, layout
        self.channel_first = facts.modality is Modality.IMAGE
        self.mean, self.std = self._per_channel(mean), self._per_channel(std)

    def raw(self, x: Tensor) -> Tensor:
        """What the model returns, as a tensor on x's device; anything else raises TypeError."""
        x = (x - self.mean.to(x)) / self.std.to(x)
        if self.layout == "channels-last" and self.channel_first:
            x = x.permute(0, 2, 3, 1)
        answer = self.ask(x.flatten(1) if self.layout == "flat" else x)
        if isinstance(answer, np.ndarray):
            answer = torch.from_numpy(np.ascontiguousarray(answer))
        if not isinstance(answer, Tensor):
            raise TypeError(f"it returned {type(answer).__name__}, not a tensor or an array")
        return answer.to(x.device)

    def scores(self, x: Tensor) -> Tensor:
        """Log-space scores, float32 (N, K)."""
        answer = self.raw(x).float()
        return answer.clamp_min(_LEAST).log() if self.outputs == "probabilities" else answer

    def _per_channel(self, values: tuple[float, ...]) -> Tensor:
        shape = (-1, 1, 1) if self.channel_first and len(values) > 1 else (-1,)
        return torch.tensor(values).reshape(shape)


class LabelContender:
    """Gives classes only. `known_by`: what tells this model from another when it is opened again."""

    def __init__(self, reader: Reader, facts: ContenderFacts) -> None:
        self.reader, self.facts = reader, facts
        self.known_by = State({})

    def labels(self, x: Tensor, *, noise: Draws | None = None) -> Tensor:
        """int64 (N,); ties go to the lowest class."""
        with torch.no_grad():
            if self.reader.outputs == "labels":
                return self.reader.raw(x).long()
            return self.reader.scores(x).argmax(dim=1)

    def state(self) -> State:
        """Not the model, which stays where it is, but its digest and some of its answers."""
        return self.known_by


class ScoreContender(LabelContender):
    """Gives scores too."""

    def scores(self, x: Tensor, *, noise: Draws | None = None) -> Tensor:
        """Log-space, float32 (N, K)."""
        with torch.no_grad():
            return self.reader.scores(x)


class GradientContender(ScoreContender):
    """Gives gradients too, by torch's backpropagation."""

    def value_and_grad(
        self, x: Tensor, loss: ChunkLoss, *, gradient: str = "exact", noise: Draws | None = None
    ) -> tuple[Tensor, Tensor]:
        """(loss (N,), d loss.sum() / d x)."""
        x = x.detach().requires_grad_(True)
        with torch.enable_grad():
            value = loss(self.reader.scores(x))
            (grad,) = torch.autograd.grad(value.sum(), x)
        return value.detach(), grad
