"""Newton's step on single coordinates (paper, Algorithm 3)."""

from __future__ import annotations

import torch
from torch import Tensor


def divisor(curvature: Tensor, floor: float) -> Tensor:
    """What the slope is divided by: the curvature where it is positive, else 1, a plain gradient step.

    floor 0 is the paper's rule; the released code has .1, which also lifts a curvature of exactly 0.
    """
    plain = (curvature < 0) | ((curvature == 0) & (floor == 0))
    return torch.where(plain, 1.0, curvature.clamp(min=floor))


def newton(slope: Tensor, curvature: Tensor, rate: float, floor: float) -> Tensor:
    """The change of the coordinates, like slope (R, B)."""
    return -rate * slope / divisor(curvature, floor)
