"""Projected ascent: step uphill, go back into the ball, ask again."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from advbench import Bounds, Norm

from .hunt import Hunt
from .losses import Gain
from .norms import Ball, direction, sparse_direction


class Stepper(Protocol):
    """How gradients become moves. May remember, row by row of the ascent that it was made for."""

    def step(self, grad: Tensor, points: Tensor, at: Tensor) -> Tensor:
        """The move (m, d) of the ascent's rows `at` (m,), given their gradients and points."""


class Plain:
    """Steps of fixed size (R, 1) in the steepest direction of the norm.

    share: of the features that an L1 step moves; 1 = the gradient divided by its L1 norm.
    """

    def __init__(self, norm: Norm, size: Tensor, bounds: Bounds | None, share: float = 1.0) -> None:
        self.norm, self.size, self.bounds, self.share = norm, size, bounds, share

    def step(self, grad: Tensor, points: Tensor, at: Tensor) -> Tensor:
        if self.norm is Norm.L1 and self.share < 1:
            return self.size[at] * sparse_direction(grad, points, self.bounds, self.share)
        return self.size[at] * direction(grad, self.norm)


class Momentum:
    """g <- decay g + grad / |grad|_1, then a step along g (Dong et al. 2018, eq. 6 and 7)."""

    def __init__(self, inner: Plain, like: Tensor, decay: float) -> None:
        self.inner, self.decay, self.sum = inner, decay, torch.zeros_like(like)

    def step(self, grad: Tensor, points: Tensor, at: Tensor) -> Tensor:
        self.sum[at] = self.decay * self.sum[at] + direction(grad, Norm.L1)
        return self.inner.step(self.sum[at], points, at)


class AdaDelta:
    """Zeiler 2012, Algorithm 1, uphill; each feature has its own step. Projection does not touch its memory.

    width: the range of the inputs, in units of which it reckons; `epsilon` means the same for all then.
    """

    def __init__(self, like: Tensor, width: float, rho: float = 0.9, epsilon: float = 1e-6) -> None:
        self.width, self.rho, self.epsilon = width, rho, epsilon
        self.squares, self.moves = torch.zeros_like(like), torch.zeros_like(like)

    def step(self, grad: Tensor, points: Tensor, at: Tensor) -> Tensor:
        grad = grad * self.width
        self.squares[at] = self.rho * self.squares[at] + (1 - self.rho) * grad.square()
        move = (self.moves[at] + self.epsilon).sqrt() / (self.squares[at] + self.epsilon).sqrt() * grad
        self.moves[at] = self.rho * self.moves[at] + (1 - self.rho) * move.square()
        return self.width * move


def ascend(hunt: Hunt, ball: Ball, rows: Tensor, start: Tensor, gain: Gain, stepper: Stepper, steps: int) -> Tensor:
    """Take `steps` steps from `start` (R, d), looking at every point on the way; return the last ones.

    A row ends where its gradient is zero, and with the oracle's `live`.
    """
    points = start.clone()
    walking = torch.ones(len(rows), dtype=torch.bool, device=rows.device)
    for _ in range(steps):
        walking &= hunt.live[rows]
        at = walking.nonzero().flatten()
        if not len(at):
            return points
        here = hunt.slopes(points[at], rows[at], gain)
        walking[at[~here.steep]] = False
        at, grad = at[here.steep], here.grad[here.steep]
        points[at] = ball.pick(at).project(points[at] + stepper.step(grad, points[at], at))
    at = (walking & hunt.live[rows]).nonzero().flatten()
    if len(at):
        hunt.test(points[at], rows[at])
    return points
