"""The space that is searched: how the free variable becomes a point that may be asked about."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from advbench import Bounds


@dataclass(frozen=True)
class Space:
    """Elementwise map from the free variable u, float64 (R, d), to inputs of one shape and dtype.

    projection: x = clip(u).  tanh: x = low + width (tanh(u) + 1) / 2 (Carlini and Wagner 2017).
    """

    bounds: Bounds | None
    tanh: bool
    shape: tuple[int, ...]
    dtype: torch.dtype

    def variable(self, x: Tensor) -> Tensor:
        """The u of flat x (R, d)."""
        if not self.tanh or self.bounds is None:
            return x
        unit = (x - self.bounds.low) / self.bounds.width - 0.5
        return torch.atanh(1.999999 * unit)

    def value(self, u: Tensor) -> Tensor:
        """The x of u, same shape, float64, inside the bounds."""
        if self.bounds is None:
            return u
        if not self.tanh:
            return self.bounds.clip(u)
        return self.bounds.clip(self.bounds.low + self.bounds.width * (u.tanh() + 1) / 2)

    def keep(self, u: Tensor) -> Tensor:
        """u moved back to where its point is; the whole of projection, nothing under tanh."""
        return u if self.tanh or self.bounds is None else self.bounds.clip(u)

    def inputs(self, x: Tensor) -> Tensor:
        """Flat points (M, d) as the contender takes them, (M, *shape)."""
        return x.to(self.dtype).reshape(-1, *self.shape)
