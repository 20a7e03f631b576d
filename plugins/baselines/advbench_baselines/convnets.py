"""Small convolutional networks of the papers: Carlini and Wagner's, Madry's, and that of noise optimisation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from advbench import DatasetFacts, param

from .layers import Dense, Dropout, Scaled, conv, draw
from .network_model import NetworkModel
from .recipe import Optimizer, Schedule


@dataclass(frozen=True)
class CarliniWagnerCnn(NetworkModel):
    """Two pairs of 3x3 convolutions, each pair followed by pooling, and two dense layers with dropout between.

    Pixels in [-1/2, 1/2]. Unpadded as published; pictures under 28 pixels are padded, or nothing would be left.
    """

    layout: Literal["auto", "mnist", "cifar"] = param(
        "auto", help="mnist: 32 and 64 channels, dense 200; cifar: 64 and 128, dense 256; auto: by the channels"
    )
    dropout: float = param(0.5, ge=0, lt=1, help="share of the first dense layer's units left out while training")
    epochs: int = param(50, ge=1, help="passes over the training split")
    learning_rate: float = param(
        0.01, gt=0, le=1000, paper=".1 for MNIST, .01 for CIFAR; released: .01", help="of the optimiser"
    )
    batch: int = param(128, ge=1, help="examples per step")
    optimizer: Optimizer = param("sgd", help="sgd has Nesterov momentum .9")  # noqa: RUF009
    schedule: Schedule = param(  # noqa: RUF009
        "constant",
        paper="constant for MNIST, halves for CIFAR",
        help="of the learning rate: cosine to 0, x.1 at 1/2 and 3/4 (thirds), x.5 at each fifth (halves)",
    )

    def network(self, facts: DatasetFacts, generator: torch.Generator) -> nn.Module:
        assert facts.shape is not None
        channels, *sides = facts.shape
        cifar = self.layout == "cifar" or (self.layout == "auto" and channels == 3)
        first, second, dense = (64, 128, 256) if cifar else (32, 64, 200)
        padding = 0 if min(sides) >= 28 else 1
        layers: list[nn.Module] = [Scaled(facts.bounds, mean=0.5)]
        for outputs in (first, second):
            for inputs in (channels, outputs):
                layers += [conv(inputs, outputs, 3, padding=padding), nn.ReLU()]
            layers.append(nn.MaxPool2d(2))
            channels, sides = outputs, [(side - 4 * (1 - padding)) // 2 for side in sides]
        layers += [
            nn.Flatten(), Dense(channels * sides[0] * sides[1], dense), nn.ReLU(), Dropout(self.dropout),
            Dense(dense, dense), nn.ReLU(), Dense(dense, facts.classes),
        ]  # fmt: skip
        return draw(nn.Sequential(*layers), generator, "glorot")


@dataclass(frozen=True)
class MadryCnn(NetworkModel):
    """conv 32 of 5x5, pool, conv 64 of 5x5, pool, dense 1024; padded convolutions, pixels in [0, 1]."""

    epochs: int = param(83, ge=1, help="passes over the training split; 83 of MNIST are 100,000 steps")
    learning_rate: float = param(1e-4, gt=0, le=1000, help="of the optimiser")
    batch: int = param(50, ge=1, help="examples per step")
    dense: int = param(1024, ge=1, help="units of the dense layer")

    def network(self, facts: DatasetFacts, generator: torch.Generator) -> nn.Module:
        return _padded(facts, (32, 64), 5, (self.dense,), generator)


@dataclass(frozen=True)
class NoiseCnn(NetworkModel):
    """conv 32 of 3x3, pool, conv 64 of 3x3, pool, two dense layers of 128; padded convolutions, pixels in [0, 1]."""

    epochs: int = param(30, ge=1, help="passes over the training split")
    batch: int = param(128, ge=1, help="examples per step")
    weight_decay: float = param(1e-4, ge=0, le=1000, help="L2 penalty on all weights")

    def network(self, facts: DatasetFacts, generator: torch.Generator) -> nn.Module:
        return _padded(facts, (32, 64), 3, (128, 128), generator)


def _padded(
    facts: DatasetFacts, convolutions: Sequence[int], kernel: int, dense: Sequence[int], generator: torch.Generator
) -> nn.Module:
    """Convolutions that keep the size, each followed by ReLU and pooling by 2, then dense layers."""
    assert facts.shape is not None
    channels, *sides = facts.shape
    layers: list[nn.Module] = [Scaled(facts.bounds)]
    for outputs in convolutions:
        layers += [conv(channels, outputs, kernel, padding=kernel // 2), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True)]
        channels, sides = outputs, [-(-side // 2) for side in sides]
    layers.append(nn.Flatten())
    width = channels * sides[0] * sides[1]
    for units in dense:
        layers += [Dense(width, units), nn.ReLU()]
        width = units
    return draw(nn.Sequential(*layers, Dense(width, facts.classes)), generator)
