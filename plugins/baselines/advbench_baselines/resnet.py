"""Residual networks of He et al. 2016: 18, 34 and 50 layers, for small pictures and for large ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from advbench import DatasetFacts, param

from .layers import Dense, Scaled, conv, draw
from .network_model import NetworkModel


class _Block(nn.Module):
    """Convolutions with batch normalisation, added to their input; (kernel, width, stride) of each."""

    def __init__(self, inputs: int, layers: list[tuple[int, int, int]]) -> None:
        super().__init__()
        self.convs, self.norms = nn.ModuleList(), nn.ModuleList()
        outputs, stride = inputs, 1
        for kernel, width, step in layers:
            self.convs.append(conv(outputs, width, kernel, stride=step, padding=kernel // 2, bias=False))
            self.norms.append(nn.BatchNorm2d(width))
            outputs, stride = width, stride * step
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or outputs != inputs:
            self.shortcut = nn.Sequential(conv(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C', H / stride, W / stride)."""
        out, last = x, len(self.convs) - 1
        for place, (convolve, normalise) in enumerate(zip(self.convs, self.norms, strict=True)):
            out = normalise(convolve(out))
            out = F.relu(out) if place < last else out
        return F.relu(out + self.shortcut(x))


class _Mean(nn.Module):
    """(N, C, H, W) -> (N, C)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=(2, 3))


@dataclass(frozen=True)
class _ResNet(NetworkModel):
    stem: Literal["auto", "cifar", "imagenet"] = param(
        "auto", help="cifar: 3x3; imagenet: 7x7 by steps of 2, then pooling; auto: imagenet above 64 pixels"
    )
    width: int = param(64, ge=1, help="channels of the first stage; they double at each of the three that follow")

    head: tuple[int, ...] | None = param(
        None, ge=1, help="ReLU units of dense layers before the last one, split at '/', as noise optimisation has them"
    )

    depths: ClassVar[tuple[int, ...]]
    bottleneck: ClassVar[bool] = False

    def network(self, facts: DatasetFacts, generator: torch.Generator) -> nn.Module:
        assert facts.shape is not None
        channels, *sides = facts.shape
        large = self.stem == "imagenet" or (self.stem == "auto" and min(sides) > 64)
        first = conv(channels, self.width, 7 if large else 3, stride=2 if large else 1, padding=3 if large else 1,
                     bias=False)  # fmt: skip
        # Pixels in [-1, 1]: the first normalisation learns the data's own mean and spread.
        layers: list[nn.Module] = [Scaled(facts.bounds, 0.5, 0.5), first, nn.BatchNorm2d(self.width), nn.ReLU()]
        if large:
            layers.append(nn.MaxPool2d(3, stride=2, padding=1))
        inputs = self.width
        for stage, depth in enumerate(self.depths):
            width = self.width * 2**stage
            for place in range(depth):
                stride = 2 if stage > 0 and place == 0 else 1
                if self.bottleneck:
                    block = _Block(inputs, [(1, width, 1), (3, width, stride), (1, 4 * width, 1)])
                    inputs = 4 * width
                else:
                    block = _Block(inputs, [(3, width, stride), (3, width, 1)])
                    inputs = width
                layers.append(block)
        layers.append(_Mean())
        for units in self.head or ():
            layers += [Dense(inputs, units), nn.ReLU()]
            inputs = units
        return draw(nn.Sequential(*layers, Dense(inputs, facts.classes)), generator, "he")


@dataclass(frozen=True)
class ResNet18(_ResNet):
    """Two pairs of 3x3 convolutions in each of four stages."""

    depths: ClassVar[tuple[int, ...]] = (2, 2, 2, 2)


@dataclass(frozen=True)
class ResNet34(_ResNet):
    """Three, four, six and three pairs of 3x3 convolutions."""

    depths: ClassVar[tuple[int, ...]] = (3, 4, 6, 3)


@dataclass(frozen=True)
class ResNet50(_ResNet):
    """Three, four, six and three bottlenecks of 1x1, 3x3 and 1x1, the last four times as wide."""

    depths: ClassVar[tuple[int, ...]] = (3, 4, 6, 3)
    bottleneck: ClassVar[bool] = True
