"""The free variables of all rows: the space each is in, when it grows, and which variables are probed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from . import importance
from .reduction import Reduced
from .space import Box, Here, Space


@dataclass(frozen=True)
class Growth:
    """Steps of a search at which the next space begins, and how variables are chosen meanwhile."""

    at: tuple[int, ...] = ()
    importance: Literal["none", "refresh", "released"] = "none"
    every: int = 1  # steps between two refreshes


class Variables:
    """m: float64 (N, k of the largest space), 0 at the start; stage: int64 (N,), which space a row is in.

    A row in a smaller space uses the first columns only.
    """

    def __init__(self, x0: Tensor, box: Box, spaces: tuple[Space, ...], growth: Growth) -> None:
        self.x0, self.origin, self.spaces, self.growth = x0, box.variable(x0), spaces, growth
        self.m = x0.new_zeros(len(x0), spaces[-1].size)
        self.stage = torch.zeros(len(x0), dtype=torch.int64, device=x0.device)
        self.chances = None if growth.importance == "none" else torch.ones_like(self.m)  # any scale

    def here(self, rows: Tensor, space: Space) -> Here:
        return Here(self.x0[rows], self.origin[rows], self.m[rows, : space.size])

    def draw(self, rows: Tensor, uniform: Tensor, count: int) -> Tensor:
        """`count` variables to probe for each row, int64 (R, count); uniform: (R, k of their space)."""
        chances = None if self.chances is None else self.chances[rows, : uniform.shape[1]]
        return importance.draw(chances, uniform, count)

    def put(self, rows: Tensor, m: Tensor) -> None:
        self.m[rows, : m.shape[1]] = m

    def restart(self, rows: Tensor) -> None:
        """Put those rows back to where they began."""
        self.m[rows], self.stage[rows] = 0.0, 0
        if self.chances is not None:
            self.chances[rows] = 1.0

    def age(self, rows: Tensor, age: Tensor) -> Tensor:
        """After a step: rows of one space that are old enough (R,) go on in the next; returns those."""
        if not len(rows):
            return rows
        stage = int(self.stage[rows[0]])
        grows = age >= self.growth.at[stage] if stage < len(self.growth.at) else torch.zeros_like(age, dtype=torch.bool)
        self._refresh(rows[~grows], age[~grows], stage)
        self._enlarge(rows[grows], stage)
        return rows[grows]

    def _refresh(self, rows: Tensor, age: Tensor, stage: int) -> None:
        # In the first of several spaces nothing is known yet of what matters (paper, section 3.3.3).
        if self.chances is None or self.growth.importance != "refresh" or (stage == 0 and self.growth.at):
            return
        rows = rows[age % self.growth.every == 0]
        size = self.spaces[stage].size
        self.chances[rows, :size] = importance.regions(self._images(rows, stage)).flatten(1)

    def _enlarge(self, rows: Tensor, stage: int) -> None:
        if not len(rows):
            return
        small, large = self.spaces[stage], self.spaces[stage + 1]
        assert isinstance(small, Reduced)
        assert isinstance(large, Reduced)
        if self.chances is not None:
            chances = importance.widened(importance.regions(self._images(rows, stage)), large.side)
            self.chances[rows, : large.size] = chances.flatten(1)
        self.put(rows, small.grown(self.m[rows, : small.size], large))
        self.stage[rows] = stage + 1

    def _images(self, rows: Tensor, stage: int) -> Tensor:
        space = self.spaces[stage]
        assert space.layout is not None
        return self.m[rows, : space.size].reshape(-1, *space.layout)
