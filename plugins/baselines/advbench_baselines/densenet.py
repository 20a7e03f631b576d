"""Densely connected network of Huang et al. 2017 for small pictures: each layer reads all before it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from advbench import DatasetFacts, param

from .layers import Dense, Scaled, conv, draw
from .network_model import NetworkModel
from .recipe import Optimizer, Schedule

_BLOCKS = 3


class _Layer(nn.Module):
    """Batch normalisation, ReLU and a 3x3 convolution, whose outputs join its inputs."""

    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.norm, self.conv = nn.BatchNorm2d(inputs), conv(inputs, growth, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C + growth, H, W)."""
        return torch.cat([x, self.conv(F.relu(self.norm(x)))], dim=1)


class _Transition(nn.Module):
    """Batch normalisation, ReLU, a 1x1 convolution, and the mean of each 2x2."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm, self.conv = nn.BatchNorm2d(channels), conv(channels, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H / 2, W / 2)."""
        return F.avg_pool2d(self.conv(F.relu(self.norm(x))), 2, ceil_mode=True)


class _Top(nn.Module):
    """Batch normalisation, ReLU and the mean over the picture."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C)."""
        return F.relu(self.norm(x)).mean(dim=(2, 3))


@dataclass(frozen=True)
class DenseNet(NetworkModel):
    """Three blocks of equal depth, with halved pictures between them; 40 layers of growth 12 by default."""

    depth: int = param(40, ge=7, help="layers in all: 4 and a multiple of 3; others are rounded down")
    growth: int = param(12, ge=1, help="channels that each layer adds")
    epochs: int = param(300, ge=1, help="passes over the training split")
    learning_rate: float = param(0.1, gt=0, le=1000, help="of the optimiser")
    weight_decay: float = param(1e-4, ge=0, le=1000, help="L2 penalty on all weights")
    optimizer: Optimizer = param("sgd", help="sgd has Nesterov momentum .9")  # noqa: RUF009
    schedule: Schedule = param("thirds", help="of the learning rate: x.1 at 1/2 and 3/4")  # noqa: RUF009

    def network(self, facts: DatasetFacts, generator: torch.Generator) -> nn.Module:
        assert facts.shape is not None
        channels = 16
        layers: list[nn.Module] = [
            Scaled(facts.bounds, 0.5, 0.5), conv(facts.shape[0], channels, 3, padding=1, bias=False),
        ]  # fmt: skip
        for block in range(_BLOCKS):
            for _ in range((self.depth - 4) // _BLOCKS):
                layers.append(_Layer(channels, self.growth))
                channels += self.growth
            layers.append(_Transition(channels) if block + 1 < _BLOCKS else _Top(channels))
        return draw(nn.Sequential(*layers, Dense(channels, facts.classes)), generator, "he")
