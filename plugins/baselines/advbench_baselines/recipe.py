"""How a network is trained, as data."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

from advbench import ContestError

Loss: TypeAlias = Literal["ce", "square"]
Optimizer: TypeAlias = Literal["adam", "sgd", "adadelta"]
Schedule: TypeAlias = Literal["constant", "cosine", "thirds", "halves"]
Augment: TypeAlias = Literal["none", "crop", "crop-flip"]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """after_step: called with all parameters by name once they have moved, e.g. to keep them in a range."""

    epochs: int
    batch: int
    learning_rate: float
    weight_decay: float = 0.0
    optimizer: Optimizer = "adam"
    schedule: Schedule = "constant"
    loss: Loss = "ce"
    augment: Augment = "none"
    after_step: Callable[[Mapping[str, Tensor]], None] = lambda parameters: None

    def optimiser(self, parameters: list[Tensor]) -> torch.optim.Optimizer:
        """sgd has Nesterov momentum .9; the others have torch's settings."""
        if self.optimizer == "sgd":
            return torch.optim.SGD(
                parameters, self.learning_rate, momentum=0.9, nesterov=True, weight_decay=self.weight_decay
            )
        kind = torch.optim.Adam if self.optimizer == "adam" else torch.optim.Adadelta
        return kind(parameters, self.learning_rate, weight_decay=self.weight_decay)

    def rate(self, epoch: int) -> float:
        """The share of the learning rate in force: constant, cosine to 0, x.1 at 1/2 and 3/4, or x.5 five times."""
        done = epoch / self.epochs
        if self.schedule == "cosine":
            return 0.5 * (1 + float(torch.cos(torch.tensor(torch.pi * done, dtype=torch.float64))))
        if self.schedule == "thirds":
            return 0.1 ** ((done >= 0.5) + (done >= 0.75))
        return 0.5 ** int(5 * done) if self.schedule == "halves" else 1.0


def losses(scores: Tensor, y: Tensor, loss: Loss) -> Tensor:
    """(N, K), (N,) -> (N,). square: the sum over classes of (softmax - one-hot)^2."""
    if loss == "ce":
        return F.cross_entropy(scores, y, reduction="none")
    wanted = F.one_hot(y, scores.shape[1]).to(scores.dtype)
    return (scores.softmax(dim=1) - wanted).square().sum(dim=1)


def check_loss(loss: float, epoch: int, recipe: Recipe) -> None:
    """Raise ContestError on a loss that is no number: nothing is learnt from then on. epoch: counted from 0."""
    if not math.isfinite(loss):
        raise ContestError(
            f"training: the loss must be finite, got {loss} in epoch {epoch + 1}. Lower learning_rate (now"
            f" {recipe.learning_rate:g}) or weight_decay (now {recipe.weight_decay:g})."
        )


def augmented(x: Tensor, augment: Augment, generator: torch.Generator) -> Tensor:
    """Pictures moved by up to 1/8 of their size, filled with what lies at their edge, and mirrored half the time."""
    if augment == "none":
        return x
    n, _, height, width = x.shape
    reach = max(1, min(height, width) // 8)
    moves = torch.randint(0, 2 * reach + 1, (2, n), generator=generator)
    mirrored = torch.rand(n, generator=generator) < 0.5
    wide = F.pad(x, (reach, reach, reach, reach), mode="replicate")
    rows = moves[0][:, None] + torch.arange(height)
    columns = moves[1][:, None] + torch.arange(width)
    if augment == "crop-flip":
        columns = torch.where(mirrored[:, None], columns.flip(1), columns)
    each = torch.arange(n)[:, None, None]
    return wide.permute(0, 2, 3, 1)[each, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
