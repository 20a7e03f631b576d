"""Directions of random noise, of all frequencies or of the low ones of an image alone."""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor

from advbench import Streams


class Noise(Protocol):
    """Where directions come from."""

    def draw(self, rng: Streams, rows: Tensor, count: int) -> Tensor:
        """float64 (R, count, d), each of length one."""


class White:
    """Even in all directions."""

    def __init__(self, features: int) -> None:
        self._features = features

    def draw(self, rng: Streams, rows: Tensor, count: int) -> Tensor:
        return _unit(rng.normal(rows, (count, self._features)).double())


class LowFrequencies:
    """Even in all directions spanned by the lowest `sides` (h, w) cosines of images of `shape` (C, H, W)."""

    def __init__(self, shape: tuple[int, ...], sides: tuple[int, int], device: torch.device) -> None:
        self._shape = (shape[0], *sides)
        self._down, self._across = (cosines(n, k).to(device) for n, k in zip(shape[1:], sides, strict=True))

    def draw(self, rng: Streams, rows: Tensor, count: int) -> Tensor:
        drawn = rng.normal(rows, (count, *self._shape)).double()
        # Row by row: a product of matrices has other last bits when more rows take part in it.
        return _unit(torch.stack([self._image(one) for one in drawn]))

    def _image(self, weights: Tensor) -> Tensor:
        """(count, C, h, w) -> (count, d)."""
        wide = weights @ self._across
        return (wide.transpose(2, 3) @ self._down).transpose(2, 3).flatten(1)


def cosines(n: int, count: int) -> Tensor:
    """The first `count` of the n orthonormal cosines of length n (DCT-II), float64 (count, n)."""
    place, frequency = torch.arange(n, dtype=torch.float64) + 0.5, torch.arange(count, dtype=torch.float64)
    waves = math.sqrt(2 / n) * (math.pi / n * frequency[:, None] * place).cos()
    waves[0] /= math.sqrt(2)
    return waves


def _unit(directions: Tensor) -> Tensor:
    length: Tensor = directions.norm(dim=2, keepdim=True)
    return directions / length.clamp(min=1e-300)
