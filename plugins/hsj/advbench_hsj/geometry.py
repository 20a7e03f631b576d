"""Distances, and the way from an input to a point: along a line (L2) or along a shrinking box (Linf)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from advbench import Bounds, Norm

FINEST = 2.0**-22  # of the range: about two steps of float32


@dataclass(frozen=True)
class Geometry:
    """Points are flat, (..., d), of the inputs' dtype; sizes are float64."""

    norm: Norm
    bounds: Bounds | None
    d: int
    dtype: torch.dtype

    @property
    def width(self) -> float:
        """The range of the inputs; 1 where there are no bounds."""
        return self.bounds.width if self.bounds else 1.0

    @property
    def tolerance(self) -> float:
        """How precisely the boundary is found, as a share of the distance (paper, section III.C)."""
        return math.pow(self.d, -2.0 if self.norm is Norm.LINF else -1.5)

    @property
    def shortest(self) -> float:
        """Noise below this length is lost when it is added to an input."""
        return FINEST * self.width * math.sqrt(self.d)

    def size(self, change: Tensor) -> Tensor:
        """How large each change is, float64 (...)."""
        change = change.to(torch.float64, copy=True)
        if self.norm is Norm.LINF:
            return change.abs_().amax(dim=-1)
        return change.square_().sum(dim=-1).sqrt()

    def along(self, x0: Tensor, change: Tensor, distance: Tensor, reach: Tensor) -> Tensor:
        """Points (M, d) at that `distance` (M,) from x0 on the way to x0 + change, `reach` (M,) away; never beyond.

        x0 and change are float64, and change is overwritten.
        """
        share = (distance / reach).clamp_(max=1).unsqueeze(-1)
        if self.norm is Norm.LINF:
            limit = share.mul_(reach.unsqueeze(-1))
            change.clamp_(-limit, limit)
        else:
            change.mul_(share)
        return self.clip_(change.add_(x0).to(self.dtype))

    def clip_(self, points: Tensor) -> Tensor:
        """Move these points to the nearest inside the bounds, and return them."""
        return points if self.bounds is None else points.clamp_(self.bounds.low, self.bounds.high)
