"""What is searched: how free variables, one set per example, become points that may be asked about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from advbench import Bounds


@dataclass(frozen=True)
class Box:
    """Elementwise map from a free u to an input x inside the bounds, float64 in and out.

    projection: x = clip(u).  tanh: x = low + width (tanh(u) + 1) / 2 (Carlini and Wagner 2017).
    """

    bounds: Bounds | None
    tanh: bool = False

    def variable(self, x: Tensor) -> Tensor:
        """The u of x."""
        if not self.tanh or self.bounds is None:
            return x
        t = 1.999999 * ((x - self.bounds.low) / self.bounds.width - 0.5)
        # torch.atanh differs in the last bit at the end of its memory: rows would depend on their place.
        return ((1 + t) / (1 - t)).log() / 2

    def value(self, u: Tensor) -> Tensor:
        """The x of u."""
        if self.bounds is None:
            return u
        if not self.tanh:
            return self.bounds.clip(u)
        return self.bounds.clip(self.bounds.low + self.bounds.width * (u.tanh() + 1) / 2)

    def keep(self, u: Tensor) -> Tensor:
        """u moved back to where its x is; the whole of projection, nothing under tanh."""
        return u if self.tanh or self.bounds is None else self.bounds.clip(u)

    def derivatives(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """dx/du and d2x/du2."""
        if self.bounds is None:
            return torch.ones_like(u), torch.zeros_like(u)
        if not self.tanh:
            return (u == self.bounds.clip(u)).to(u.dtype), torch.zeros_like(u)
        t = u.tanh()
        first = self.bounds.width / 2 * (1 - t.square())
        return first, -2 * t * first

    @property
    def scale(self) -> float:
        """A step over the whole range, in units of u."""
        return 1.0 if self.tanh or self.bounds is None else self.bounds.width


@dataclass(frozen=True)
class Here:
    """Where R rows stand. x0, origin: float64 (R, d), the inputs and their u; m: (R, k), the variables, 0 at x0."""

    x0: Tensor
    origin: Tensor
    m: Tensor

    def part(self, rows: Tensor | slice) -> Here:
        return Here(self.x0[rows], self.origin[rows], self.m[rows])


class Space(Protocol):
    """Variables and the points they stand for. `move` (R, P) changes variable `index` (R, P), one per point.

    size: variables per example.  layout: their (channels, rows, columns), for images.
    """

    @property
    def size(self) -> int: ...

    @property
    def layout(self) -> tuple[int, int, int] | None: ...

    @property
    def box(self) -> Box: ...

    def point(self, here: Here) -> Tensor:
        """The inputs, float64 (R, d)."""

    def keep(self, here: Here, m: Tensor) -> Tensor:
        """Variables moved back to where the box holds them."""

    def reach(self, here: Here, index: Tensor, move: Tensor) -> Tensor:
        """The part of each move that stays inside the box, (R, P)."""

    def points(self, here: Here, index: Tensor, move: Tensor, dtype: torch.dtype) -> Tensor:
        """The input itself and each moved one, (R, 1 + P, d)."""

    def squares(self, here: Here, index: Tensor, move: Tensor) -> Tensor:
        """By how much each move changes |x - x0|^2, float64 (R, P); never asked, never estimated."""


@dataclass(frozen=True)
class Inputs:
    """One variable per input: m = u - origin."""

    box: Box
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        return torch.Size(self.shape).numel()

    @property
    def layout(self) -> tuple[int, int, int] | None:
        return (self.shape[0], self.shape[1], self.shape[2]) if len(self.shape) == 3 else None

    def point(self, here: Here) -> Tensor:
        return self.box.value(here.origin + here.m)

    def keep(self, here: Here, m: Tensor) -> Tensor:
        return self.box.keep(here.origin + m) - here.origin

    def reach(self, here: Here, index: Tensor, move: Tensor) -> Tensor:
        at = self._at(here, index)
        return self.box.keep(at + move) - at

    def points(self, here: Here, index: Tensor, move: Tensor, dtype: torch.dtype) -> Tensor:
        points = self.point(here).to(dtype).unsqueeze(1).repeat(1, 1 + index.shape[1], 1)
        moved = self.box.value(self._at(here, index) + move).to(dtype)
        points[:, 1:].scatter_(2, index.unsqueeze(2), moved.unsqueeze(2))
        return points

    def squares(self, here: Here, index: Tensor, move: Tensor) -> Tensor:
        at, origin = self._at(here, index), here.x0.gather(1, index)
        return (self.box.value(at + move) - origin).square() - (self.box.value(at) - origin).square()

    def _at(self, here: Here, index: Tensor) -> Tensor:
        return here.origin.gather(1, index) + here.m.gather(1, index)
