"""What L-BFGS remembers of each row, and the curvature that it makes of it."""

from __future__ import annotations

import torch
from torch import Tensor

_CURVED = 1e-10  # a pair with less curvature is not remembered
_FIRST = 0.5  # the inverse curvature of |x - x0|^2, until something is known


class History:
    """The last `memory` pairs of step and change of gradient per row; rows like `like` (R, d)."""

    def __init__(self, like: Tensor, memory: int) -> None:
        n, d = like.shape
        self.steps, self.turns = like.new_zeros(n, memory, d), like.new_zeros(n, memory, d)
        self.weights = like.new_zeros(n, memory)  # 1 / (step . turn); 0 = no pair yet
        self.scale = like.new_full((n, 1), _FIRST)

    def add(self, on: Tensor, step: Tensor, turn: Tensor) -> None:
        """Remember one pair (M, d) for the rows `on` (M,), where its curvature is positive."""
        curvature = (step * turn).sum(dim=1)
        keep = curvature > _CURVED
        on, step, turn, curvature = on[keep], step[keep], turn[keep], curvature[keep]
        self.steps[on] = torch.cat([self.steps[on, 1:], step[:, None]], dim=1)
        self.turns[on] = torch.cat([self.turns[on, 1:], turn[:, None]], dim=1)
        self.weights[on] = torch.cat([self.weights[on, 1:], 1 / curvature[:, None]], dim=1)
        self.scale[on] = (curvature / turn.square().sum(dim=1))[:, None]

    def apply(self, on: Tensor, grad: Tensor) -> Tensor:
        """The inverse curvature times `grad` (M, d), by the two loops (Nocedal 1980)."""
        steps, turns, weights = self.steps[on], self.turns[on], self.weights[on]
        out, shares = grad.clone(), []
        for i in reversed(range(steps.shape[1])):
            share = weights[:, i] * (steps[:, i] * out).sum(dim=1)
            out = out - share[:, None] * turns[:, i]
            shares.append(share)
        out = out * self.scale[on]
        for i, share in enumerate(reversed(shares)):
            back = weights[:, i] * (turns[:, i] * out).sum(dim=1)
            out = out + (share - back)[:, None] * steps[:, i]
        return out
