"""ADAM that touches a few coordinates of each row at a time (paper, Algorithm 2)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


@dataclass(frozen=True)
class CoordinateAdam:
    """Moments and step counts per coordinate, float64 (N, d), updated in place."""

    mean: Tensor
    square: Tensor
    steps: Tensor

    @classmethod
    def zeros(cls, like: Tensor) -> CoordinateAdam:
        return cls(*(torch.zeros_like(like, dtype=torch.float64) for _ in range(3)))

    def forget(self, rows: Tensor) -> None:
        """Start those rows anew."""
        for state in (self.mean, self.square, self.steps):
            state[rows] = 0.0

    def step(self, rows: Tensor, index: Tensor, slope: Tensor, rate: float) -> Tensor:
        """The change of coordinates `index` (R, B) of those rows for these slopes (R, B)."""
        at = (rows.unsqueeze(1), index)
        steps = self.steps[at] + 1
        mean = BETA1 * self.mean[at] + (1 - BETA1) * slope
        square = BETA2 * self.square[at] + (1 - BETA2) * slope.square()
        self.mean[at], self.square[at], self.steps[at] = mean, square, steps
        # The released code keeps epsilon outside the root; the paper prints it inside. Powers by exp:
        # those of torch differ in the last bit at the end of its memory, so that rows would depend on their place.
        corrected = (1 - (steps * math.log(BETA2)).exp()).sqrt() / (1 - (steps * math.log(BETA1)).exp())
        return -rate * corrected * mean / (square.sqrt() + EPSILON)
