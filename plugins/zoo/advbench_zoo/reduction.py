"""Attack-space reduction (paper, section 3.2.2): few variables per channel, spread over the whole image."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from .space import Box, Here

Basis = Literal["bilinear", "dct"]


def bilinear(big: int, small: int) -> Tensor:
    """Matrix float64 (big, small) that stretches `small` samples to `big`.

    Sample i is read at i x small / big, without half-pixel centres, the last one repeated: the
    sampling of TensorFlow 1, which the released code uses.
    """
    at = torch.arange(big, dtype=torch.float64) * small / big
    low = at.floor().long()
    high = (low + 1).clamp(max=small - 1)
    share = at - low
    matrix = torch.zeros(big, small, dtype=torch.float64)
    matrix.scatter_add_(1, low.unsqueeze(1), (1 - share).unsqueeze(1))
    return matrix.scatter_add_(1, high.unsqueeze(1), share.unsqueeze(1))


def dct(big: int, small: int) -> Tensor:
    """The `small` lowest orthonormal cosines (DCT-II) as columns, float64 (big, small)."""
    place = (torch.arange(big, dtype=torch.float64) + 0.5) * math.pi / big
    waves = torch.cos(place.unsqueeze(1) * torch.arange(small, dtype=torch.float64))
    waves[:, 0] *= math.sqrt(0.5)
    return waves * math.sqrt(2 / big)


def sandwich(left: Tensor, images: Tensor, right: Tensor) -> Tensor:
    """left x image x right^T for every channel; images (R, C, a, b).

    One product per channel image: folded into one large product, a row's last bits would depend on its company.
    """
    r, c, a, b = images.shape
    flat = images.reshape(r * c, a, b)
    flat = torch.bmm(left.expand(r * c, *left.shape), flat)
    flat = torch.bmm(flat, right.T.expand(r * c, b, len(right)))
    return flat.reshape(r, c, len(left), len(right))


@dataclass(frozen=True)
class Reduced:
    """side x side variables per channel of an image (C, H, W): x = box(origin + D(m))."""

    box: Box
    shape: tuple[int, int, int]
    side: int
    basis: Basis
    down: Tensor  # (H, side)
    across: Tensor  # (W, side)

    @classmethod
    def of(cls, box: Box, shape: tuple[int, int, int], side: int, basis: Basis, device: torch.device) -> Reduced:
        make = dct if basis == "dct" else bilinear
        down, across = (make(big, side).to(device) for big in shape[1:])
        return cls(box, shape, side, basis, down, across)

    @property
    def size(self) -> int:
        return self.shape[0] * self.side**2

    @property
    def layout(self) -> tuple[int, int, int]:
        return self.shape[0], self.side, self.side

    def point(self, here: Here) -> Tensor:
        return self.box.value(self._u(here))

    def keep(self, here: Here, m: Tensor) -> Tensor:
        return m  # the image is held inside the box, not the variables

    def reach(self, here: Here, index: Tensor, move: Tensor) -> Tensor:
        return move

    def points(self, here: Here, index: Tensor, move: Tensor, dtype: torch.dtype) -> Tensor:
        rows, count = index.shape
        u = self._u(here).to(dtype).unsqueeze(1).repeat(1, 1 + count, 1).reshape(rows, 1 + count, *self.shape)
        channel, place = index // self.side**2, index % self.side**2
        tall = self.down.T[place // self.side] * move.unsqueeze(2)  # (R, P, H)
        wide = self.across.T[place % self.side]  # (R, P, W)
        footprint = tall.to(dtype).unsqueeze(3) * wide.to(dtype).unsqueeze(2)
        each = torch.arange(rows, device=index.device).unsqueeze(1)
        u[each, torch.arange(1, 1 + count, device=index.device), channel] += footprint
        return self.box.value(u).flatten(2)

    def squares(self, here: Here, index: Tensor, move: Tensor) -> Tensor:
        """To second order in the move, which is exact where nothing is clipped or bent by tanh."""
        u = self._u(here)
        change = self.box.value(u) - here.x0
        first, second = self.box.derivatives(u)
        slope = self._adjoint(2 * change * first, self.down, self.across).gather(1, index)
        bend = 2 * (first.square() + change * second)
        curvature = self._adjoint(bend, self.down.square(), self.across.square()).gather(1, index)
        return move * slope + move.square() * curvature / 2

    def grown(self, m: Tensor, to: Reduced) -> Tensor:
        """Variables (R, k) of this space as those of a larger one that give nearly the same change."""
        if self.basis == "dct":  # the same waves, and higher ones at rest
            matrix = torch.eye(to.side, self.side, dtype=m.dtype, device=m.device)
        else:
            matrix = bilinear(to.side, self.side).to(m.device)
        return sandwich(matrix, m.reshape(-1, *self.layout), matrix).flatten(1)

    def _u(self, here: Here) -> Tensor:
        return here.origin + sandwich(self.down, here.m.reshape(-1, *self.layout), self.across).flatten(1)

    def _adjoint(self, image: Tensor, down: Tensor, across: Tensor) -> Tensor:
        return sandwich(down.T, image.reshape(-1, *self.shape), across.T).flatten(1)
