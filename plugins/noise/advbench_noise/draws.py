"""Where standard normals come from: a generator, or in a training on the CPU their own number."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Generator, Tensor

from . import normals

Draw: TypeAlias = Callable[[int, tuple[int, ...]], Tensor]
"""(place, (rows, *shape)) -> standard normals, of that shape or of one that broadcasts to it."""
_BLOCK = 2**17  # numbers of a small layer drawn in one go: a call costs as much as some thousands of them


def from_generator(generator: Generator) -> Draw:
    """Fresh draws for every example, place and pass."""
    return lambda place, shape: torch.randn(shape, generator=generator, device=generator.device)


def from_seed(seed: int, device: torch.device) -> Draw:
    """The same, on the CPU numbered."""
    return Numbered(seed) if device.type == "cpu" else from_generator(Generator(device).manual_seed(seed))


class Numbered:
    """Draws that follow each from seed, place, pass, row and element alone; a place's passes are counted as it asks.

    seed: 63 bits.
    """

    def __init__(self, seed: int) -> None:
        self._seed, self._passes = seed, Counter[int]()
        self._blocks: dict[int, Tensor] = {}

    def __call__(self, place: int, shape: tuple[int, ...]) -> Tensor:
        """float32 (rows, *shape)."""
        number = self.next(place)
        if len(shape) == 2:
            return self._short(place, shape, number)
        out = torch.empty(shape)
        normals.fill(out.view(len(out), -1).numpy(), 0, place, number, self._seed)
        return out

    def _short(self, place: int, shape: tuple[int, ...], number: int) -> Tensor:
        """Of a fully connected layer: a pass counts as one row, and several are drawn in one go."""
        many = max(1, _BLOCK // math.prod(shape))
        if number % many == 0 or self._blocks[place].shape != (many, *shape):
            block = self._blocks[place] = torch.empty(many, *shape)
            normals.fill(block.view(many, -1).numpy(), number - number % many, place, 0, self._seed)
        return self._blocks[place][number % many]

    def next(self, place: int) -> int:
        """The number of the pass that this place begins."""
        self._passes[place] += 1
        return self._passes[place] - 1

    def add(self, v: Tensor, level: Tensor, place: int, number: int) -> None:
        """v (rows, C, H, W), float32 and contiguous, += level (C, H, W) x eps of that pass, which is never held."""
        arrays = v.detach().view(len(v), -1).numpy(), level.detach().reshape(-1).numpy()
        normals.add(*arrays, place, number, self._seed)

    def slope(self, delta: Tensor, place: int, number: int) -> Tensor:
        """The sum over rows of delta (rows, C, H, W) x eps of that pass."""
        out = torch.empty(delta.shape[1:])
        arrays = delta.contiguous().view(len(delta), -1).numpy(), out.view(-1).numpy()
        normals.slope(*arrays, place, number, self._seed)
        return out
