"""LeNet-5 as it is trained today: ReLU and max-pooling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from advbench import DatasetFacts

from .layers import Dense, Scaled, conv, draw
from .network_model import NetworkModel

_KERNEL, _MARGIN = 5, 2


@dataclass(frozen=True)
class LeNet(NetworkModel):
    """conv 6 of 5x5, pool, conv 16 of 5x5, pool, dense 120, 84, classes; pixels in [0, 1].

    A picture smaller than 32 pixels is padded by 2 before the first convolution, as MNIST was by
    LeCun et al.; so is what comes before the second where less than 10 pixels are left.
    """

    side_by_side: ClassVar[int | None] = 256

    def network(self, facts: DatasetFacts, generator: torch.Generator) -> nn.Module:
        assert facts.shape is not None
        channels, *sides = facts.shape
        layers: list[nn.Module] = [Scaled(facts.bounds)]
        for outputs, least in ((6, 32), (16, 10)):
            padding = _MARGIN if min(sides) < least else 0
            layers += [conv(channels, outputs, _KERNEL, padding=padding), nn.ReLU(), nn.MaxPool2d(2)]
            channels, sides = outputs, [(side + 2 * padding - _KERNEL + 1) // 2 for side in sides]
        flat = channels * sides[0] * sides[1]
        layers += [
            nn.Flatten(), Dense(flat, 120), nn.ReLU(), Dense(120, 84), nn.ReLU(), Dense(84, facts.classes),
        ]  # fmt: skip
        return draw(nn.Sequential(*layers), generator)
