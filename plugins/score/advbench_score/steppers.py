"""What turns estimated slopes into steps: momentum for NES, Adam for SPSA. State is kept per row."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from advbench import Norm

from .slopes import unit

_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8
_PATIENCE = 5  # steps without progress after which NES halves its rate
_LEAST = 1e-3  # of the first rate


class Stepper(Protocol):
    """Steps of rows (R,), in units of their radius."""

    def step(self, rows: Tensor, slope: Tensor, loss: Tensor) -> Tensor:
        """The change (R, d) for these slopes at points with these losses."""

    def narrowed(self, rows: Tensor) -> None:
        """Those rows have a smaller ball from now on."""


class Momentum:
    """Signs (linf) or unit steps (l2) along a running mean; the rate halves where the loss stays (Ilyas et al.)."""

    def __init__(self, like: Tensor, norm: Norm, rate: float, decay: float) -> None:
        self.norm, self.decay, self.first = norm, decay, rate
        self.mean = torch.zeros_like(like)
        self.rate = like.new_full((len(like),), rate)
        self.lowest = torch.full((len(like),), torch.inf, dtype=torch.float64, device=like.device)
        self.stale = torch.zeros(len(like), dtype=torch.int64, device=like.device)

    def step(self, rows: Tensor, slope: Tensor, loss: Tensor) -> Tensor:
        self._slow_down(rows, loss)
        self.mean[rows] = self.decay * self.mean[rows] + (1 - self.decay) * slope
        way = self.mean[rows].sign() if self.norm is Norm.LINF else unit(self.mean[rows])
        return -self.rate[rows, None] * way

    def narrowed(self, rows: Tensor) -> None:  # what was reached in a larger ball says nothing of this one
        self.rate[rows], self.lowest[rows], self.stale[rows] = self.first, torch.inf, 0

    def _slow_down(self, rows: Tensor, loss: Tensor) -> None:
        better = loss < self.lowest[rows]
        self.stale[rows] = torch.where(better, 0, self.stale[rows] + 1)
        self.lowest[rows] = torch.where(better, loss, self.lowest[rows])
        tired = rows[self.stale[rows] >= _PATIENCE]
        self.rate[tired] = (self.rate[tired] / 2).clamp(min=self.first * _LEAST)
        self.stale[tired] = 0


class Adam:
    """Adam (Kingma and Ba 2015); in l2 the rate is that of a change of all features together."""

    def __init__(self, like: Tensor, norm: Norm, rate: float) -> None:
        self.rate = rate if norm is Norm.LINF else rate / like.shape[1] ** 0.5
        self.mean, self.square = torch.zeros_like(like), torch.zeros_like(like)
        self.count = torch.zeros(len(like), dtype=torch.int64, device=like.device)

    def step(self, rows: Tensor, slope: Tensor, loss: Tensor) -> Tensor:
        self.count[rows] += 1
        self.mean[rows] = _BETA1 * self.mean[rows] + (1 - _BETA1) * slope
        self.square[rows] = _BETA2 * self.square[rows] + (1 - _BETA2) * slope.square()
        # Powers in Python: those of torch differ in their last bit with a row's place in memory.
        counts = self.count[rows].tolist()
        first, second = (slope.new_tensor([1 - beta**k for k in counts])[:, None] for beta in (_BETA1, _BETA2))
        return -self.rate * (self.mean[rows] / first) / ((self.square[rows] / second).sqrt() + _EPSILON)

    def narrowed(self, rows: Tensor) -> None:  # its steps do not depend on losses
        pass
