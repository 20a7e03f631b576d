"""How a network is trained: the model's own parameters, or the settings of the paper's Table 1."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

from advbench import Model

Preset: TypeAlias = Literal["none", "mnist", "cifar10", "tiny-imagenet"]


@dataclass(frozen=True)
class Recipe:
    """schedule of the learning rate: constant, cosine to 0, thirds (x.1 at 1/2 and 3/4), halves (x.5 at each
    fifth), or twenties (x.8 every 20 epochs). sgd has momentum .9."""

    epochs: int = 100
    batch: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    optimizer: str = "adam"
    schedule: str = "cosine"
    loss: str = "ce"
    augment: str = "none"

    def optimiser(self, parameters: list[torch.nn.Parameter]) -> torch.optim.Optimizer:
        rate, decay = self.learning_rate, self.weight_decay
        if self.optimizer == "sgd":
            return torch.optim.SGD(parameters, rate, momentum=0.9, weight_decay=decay, foreach=True)
        kind = torch.optim.Adam if self.optimizer == "adam" else torch.optim.Adadelta
        return kind(parameters, rate, weight_decay=decay, foreach=True)

    def rate(self, epoch: int) -> float:
        """The share of the learning rate in force."""
        done = epoch / self.epochs
        shares = {
            "cosine": 0.5 * (1 + math.cos(math.pi * done)),
            "thirds": 0.1 ** ((done >= 0.5) + (done >= 0.75)),
            "halves": 0.5 ** int(5 * done),
            "twenties": 0.8 ** (epoch // 20),
        }
        return shares.get(self.schedule, 1.0)


_TABLE_1 = Recipe(epochs=30, batch=128, learning_rate=1e-3, weight_decay=1e-4, schedule="constant")
PRESETS: Mapping[str, Recipe] = MappingProxyType(
    {
        "mnist": _TABLE_1,
        "cifar10": replace(_TABLE_1, epochs=50, augment="crop-flip"),
        "tiny-imagenet": replace(
            _TABLE_1, epochs=80, learning_rate=1e-2, weight_decay=5e-4, optimizer="sgd", schedule="twenties"
        ),
    }
)


def recipe_of(model: Model, preset: Preset, epochs: int | None) -> Recipe:
    """The preset's training, or the model's own as its parameters of the usual names tell.

    epochs: instead of theirs.
    """
    named: dict[str, Any] = {f.name: getattr(model, f.name) for f in fields(Recipe) if hasattr(model, f.name)}
    recipe = replace(Recipe(), **named) if preset == "none" else PRESETS[preset]
    return recipe if epochs is None else replace(recipe, epochs=epochs)


def losses(scores: Tensor, y: Tensor, loss: str) -> Tensor:
    """(N, K), (N,) -> (N,). square: the sum over classes of (softmax - one-hot)^2."""
    if loss == "ce":
        return F.cross_entropy(scores, y, reduction="none")
    return (scores.softmax(dim=1) - F.one_hot(y, scores.shape[1])).square().sum(dim=1)


def augmented(x: Tensor, augment: str, generator: torch.Generator) -> Tensor:
    """Pictures (N, C, H, W) cut out of ones with 1/8 of their size of black around them, and mirrored half the time."""
    if augment == "none":
        return x
    n, _, height, width = x.shape
    reach = max(1, min(height, width) // 8)
    down, right = torch.randint(0, 2 * reach + 1, (2, n, 1), generator=generator)
    columns = torch.arange(width) + right
    if augment == "crop-flip":
        columns = torch.where(torch.rand(n, 1, generator=generator) < 0.5, columns.flip(1), columns)
    wide = F.pad(x, (reach, reach, reach, reach)).permute(0, 2, 3, 1)
    rows = (torch.arange(height) + down)[:, :, None]
    return wide[torch.arange(n)[:, None, None], rows, columns[:, None, :]].permute(0, 3, 1, 2)
