"""Convolutions along time, for heartbeats and other series."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from advbench import DatasetFacts, param

from .layers import Conv1d, Dense, Scaled, draw
from .network_model import NetworkModel


class _TimeLast(nn.Module):
    """(N, T, C) -> (N, C, T)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.transpose(1, 2).contiguous()


@dataclass(frozen=True)
class Cnn1d(NetworkModel):
    """64, 128 and 256 kernels of length 16, pooling by 4, 4 and 2 after each, and one dense layer."""

    channels: tuple[int, ...] = param((64, 128, 256), ge=1, help="kernels of each convolution, split at '/'")
    kernel: int = param(16, ge=1, help="their length, in steps of time")
    dense: int = param(128, ge=1, help="units of the dense layer; the paper does not print them")

    def network(self, facts: DatasetFacts, generator: torch.Generator) -> nn.Module:
        assert facts.shape is not None
        length, inputs = facts.shape
        layers: list[nn.Module] = [Scaled(facts.bounds), _TimeLast()]
        for place, outputs in enumerate(self.channels):
            pool = 2 if place + 1 == len(self.channels) else 4
            layers += [Conv1d(inputs, outputs, self.kernel), nn.ReLU(), nn.MaxPool1d(pool, ceil_mode=True)]
            inputs, length = outputs, -(-length // pool)
        layers += [nn.Flatten(), Dense(inputs * length, self.dense), nn.ReLU(), Dense(self.dense, facts.classes)]
        return draw(nn.Sequential(*layers), generator)
