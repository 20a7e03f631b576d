"""Squeezers of pictures: fewer grey levels, and smoothing by neighbours near and far."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from advbench import Bounds


@dataclass(frozen=True)
class BitDepth:
    """Rounds every number to one of 2^bits levels over the bounds, halves to the even one.

    soft: u - sin(2 pi u) / (2 pi) instead of rounding u, the level: smooth, equal at the levels and half-way
    between them, and everywhere rising.
    """

    bounds: Bounds
    bits: int

    def __call__(self, x: Tensor, soft: bool = False) -> Tensor:
        steps = 2**self.bits - 1
        level = (x - self.bounds.low) / self.bounds.width * steps
        level = level - torch.sin(2 * math.pi * level) / (2 * math.pi) if soft else level.round()
        rounded: Tensor = level / steps * self.bounds.width + self.bounds.low
        return rounded


@dataclass(frozen=True)
class Median:
    """The middle of each size x size neighbourhood; of an even number the upper of the two in the middle.

    Rows i - size // 2 to i - size // 2 + size - 1, as scipy.ndimage.median_filter has it; beyond the edge the
    picture is mirrored with its edge repeated.  soft: their mean, for where pixels are equal a median has no slope.
    """

    size: int

    def __call__(self, x: Tensor, soft: bool = False) -> Tensor:
        patches = _windows(x, self.size)
        if soft:
            return patches.mean(dim=-1)
        return patches.sort(dim=-1, stable=True).values[..., self.size**2 // 2]


@dataclass(frozen=True)
class NonLocalMeans:
    """Each pixel becomes a mean over a search x search window, by how alike the patches around them are.

    The weight is exp(-d / strength^2), d the mean square difference of two patches over all channels, in units of
    1/255 of the bounds (Buades et al. 2005).
    """

    bounds: Bounds
    search: int
    patch: int
    strength: float

    def __call__(self, x: Tensor, soft: bool = False) -> Tensor:
        height, width = x.shape[2:]
        unit = self.bounds.width / 255
        far, near = self.search // 2, self.patch // 2
        wide = x[:, :, _mirrored(height, far)][:, :, :, _mirrored(width, far)]
        total, weights = torch.zeros_like(x), torch.zeros_like(x[:, :1])
        for down in range(self.search):
            for right in range(self.search):
                other = wide[:, :, down : down + height, right : right + width]
                square = ((other - x) / unit).square().mean(dim=1, keepdim=True)
                square = square[:, :, _mirrored(height, near)][:, :, :, _mirrored(width, near)]
                weight = torch.exp(-F.avg_pool2d(square, self.patch, stride=1) / self.strength**2)
                total, weights = total + weight * other, weights + weight
        return total / weights


def _windows(x: Tensor, size: int) -> Tensor:
    """(N, C, H, W) -> (N, C, H, W, size^2)."""
    before, after = size // 2, size - 1 - size // 2
    rows, columns = (_mirrored(side, before, after) for side in x.shape[2:])
    wide = x[:, :, rows][:, :, :, columns]
    return wide.unfold(2, size, 1).unfold(3, size, 1).flatten(4)


def _mirrored(side: int, before: int, after: int | None = None) -> Tensor:
    """Positions -before .. side - 1 + after of an axis that is mirrored with its ends repeated, int64."""
    place = torch.arange(-before, side + (before if after is None else after)) % (2 * side)
    return torch.minimum(place, 2 * side - 1 - place)
