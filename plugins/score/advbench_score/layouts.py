"""What a square is for each kind of input: a square of pixels, an interval of time, a handful of features."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from advbench import Streams

_SMALLEST = 3  # side of an L2 window, which must hold a hill and a valley
_TILES = 5  # along each side, in the first L2 point


class Layout(Protocol):
    """Places (pixels, times, features) of `channels` numbers each; inputs are flat, (R, d).

    A window is a set of K places per row, int64 (R, K).
    """

    @property
    def channels(self) -> int: ...

    def sides(self, share: Tensor, least: int) -> Tensor:
        """int64 (R,): side of a window that covers that share (R,) of the places."""

    def window(self, rng: Streams, rows: Tensor, side: int) -> Tensor:
        """A random window of each row, int64 (R, K)."""

    def at(self, window: Tensor) -> Tensor:
        """Where its numbers are in a flat input, int64 (R, channels x K)."""

    def signs(self, rng: Streams, rows: Tensor, side: int) -> Tensor:
        """Random signs of a window, one per channel or one per number, that spread to (R, channels, K)."""

    def hills(self, rng: Streams, rows: Tensor, side: int) -> Tensor:
        """A hill beside a valley, of random signs, each channel of length one, (R, channels, K)."""

    def stripes(self, rng: Streams, rows: Tensor) -> Tensor:
        """Signs of the first Linf point, (R, d)."""

    def tiles(self, rng: Streams, rows: Tensor) -> Tensor:
        """The first L2 change, of any length, (R, d)."""


def layout_of(shape: tuple[int, ...]) -> Layout:
    """That of one input: (C, H, W), (T, C) or (D,)."""
    if len(shape) == 3:
        return Image(*shape)
    return Series(*shape) if len(shape) == 2 else Table(*shape)


@dataclass(frozen=True)
class Image:
    """Squares, the same for all channels up to their signs."""

    channels: int
    height: int
    width: int

    def sides(self, share: Tensor, least: int) -> Tensor:
        side = (share * self.height * self.width).sqrt().round().long().clamp(min=least)
        return side.clamp(max=min(self.height, self.width))

    def window(self, rng: Streams, rows: Tensor, side: int) -> Tensor:
        top = rng.integers(rows, (1,), self.height - side + 1)
        left = rng.integers(rows, (1,), self.width - side + 1)
        each = torch.arange(side, device=rows.device)
        return ((top + each)[:, :, None] * self.width + (left + each)[:, None, :]).flatten(1)

    def at(self, window: Tensor) -> Tensor:
        channel = torch.arange(self.channels, device=window.device) * (self.height * self.width)
        return (window[:, None, :] + channel[:, None]).flatten(1)

    def signs(self, rng: Streams, rows: Tensor, side: int) -> Tensor:
        return _signs(rng, rows, (self.channels, 1))

    def hills(self, rng: Streams, rows: Tensor, side: int) -> Tensor:
        shape = hill_and_valley(side, 2).to(rows.device)
        turned = rng.integers(rows, (1, 1), 2) == 0
        return torch.where(turned, shape.T.flatten(), shape.flatten()) * self.signs(rng, rows, side)

    def stripes(self, rng: Streams, rows: Tensor) -> Tensor:
        signs = _signs(rng, rows, (self.channels, 1, self.width))
        return signs.expand(-1, -1, self.height, -1).flatten(1)

    def tiles(self, rng: Streams, rows: Tensor) -> Tensor:
        side = min(max(_SMALLEST, self.height // _TILES), self.height, self.width)
        out = torch.zeros(len(rows), self.channels, self.height, self.width, device=rows.device)
        for top in range(0, self.height - side + 1, side):
            for left in range(0, self.width - side + 1, side):
                hills = self.hills(rng, rows, side).reshape(-1, self.channels, side, side)
                out[:, :, top : top + side, left : left + side] = hills
        return out.flatten(1)


@dataclass(frozen=True)
class Series:
    """Intervals of time, the same for all channels up to their signs."""

    length: int

    channels: int

    def sides(self, share: Tensor, least: int) -> Tensor:
        return (share * self.length).round().long().clamp(min=least).clamp(max=self.length)

    def window(self, rng: Streams, rows: Tensor, side: int) -> Tensor:
        start = rng.integers(rows, (1,), self.length - side + 1)
        return start + torch.arange(side, device=rows.device)

    def at(self, window: Tensor) -> Tensor:
        channel = torch.arange(self.channels, device=window.device)
        return (window[:, None, :] * self.channels + channel[:, None]).flatten(1)

    def signs(self, rng: Streams, rows: Tensor, side: int) -> Tensor:
        return _signs(rng, rows, (self.channels, 1))

    def hills(self, rng: Streams, rows: Tensor, side: int) -> Tensor:
        return hill_and_valley(side, 1).to(rows.device) * self.signs(rng, rows, side)

    def stripes(self, rng: Streams, rows: Tensor) -> Tensor:
        return _signs(rng, rows, (self.length * self.channels,))

    def tiles(self, rng: Streams, rows: Tensor) -> Tensor:
        side = min(max(_SMALLEST, self.length // _TILES), self.length)
        out = torch.zeros(len(rows), self.length, self.channels, device=rows.device)
        for start in range(0, self.length - side + 1, side):
            out[:, start : start + side] = self.hills(rng, rows, side).transpose(1, 2)
        return out.flatten(1)


@dataclass(frozen=True)
class Table:
    """Features have no neighbours: a window is any handful of them, each with a sign of its own."""

    features: int
    channels: int = 1

    def sides(self, share: Tensor, least: int) -> Tensor:
        return (share * self.features).round().long().clamp(min=least).clamp(max=self.features)

    def window(self, rng: Streams, rows: Tensor, side: int) -> Tensor:
        return rng.uniform(rows, (self.features,)).topk(side, dim=1).indices

    def at(self, window: Tensor) -> Tensor:
        return window

    def signs(self, rng: Streams, rows: Tensor, side: int) -> Tensor:
        return _signs(rng, rows, (1, side))

    def hills(self, rng: Streams, rows: Tensor, side: int) -> Tensor:
        return self.signs(rng, rows, side) / math.sqrt(side)

    def stripes(self, rng: Streams, rows: Tensor) -> Tensor:
        return _signs(rng, rows, (self.features,))

    def tiles(self, rng: Streams, rows: Tensor) -> Tensor:
        return self.stripes(rng, rows)


def hill_and_valley(side: int, dimensions: int) -> Tensor:
    """A window, (side,) or (side, side): a hill in one half, its negative in the other, of length one together."""
    first = side // 2
    parts = [_hill((side, first)[2 - dimensions :]), -_hill((side, side - first)[2 - dimensions :])]
    whole = torch.cat(parts, dim=-1)
    length: Tensor = whole.norm()
    return whole / length


def _hill(sides: tuple[int, ...]) -> Tensor:
    """Growing towards the middle by 1/n^2, ..., 1/4, 1 (paper, equation 2); the first side is the longest."""
    n = sides[0] // 2
    ring = torch.zeros(sides, dtype=torch.int64)  # 0 at the rim
    for axis, side in enumerate(sides):
        away = (torch.arange(side) - side // 2).abs()
        ring = torch.maximum(ring, away.reshape(-1, *[1] * (len(sides) - axis - 1)))
    heights = (1 / torch.arange(n + 1, 0, -1).square()).cumsum(dim=0)
    return heights[n - ring]


def _signs(rng: Streams, rows: Tensor, shape: tuple[int, ...]) -> Tensor:
    signs: Tensor = rng.integers(rows, shape, 2) * 2 - 1
    return signs.float()
