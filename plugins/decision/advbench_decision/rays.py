"""RayS: the shortest ray among those along +1 and -1 alone, by flipping ever smaller blocks of signs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from advbench import LabelOracle, Perturbed, Streams, param

from .hunt import Hunt

_PRESETS = {"paper": 10_000, "scd": 40_000}  # queries
_LENGTH = 1e-3  # of the range, to which the presets bisect


@dataclass(frozen=True)
class Rays:
    """Ray searching (Chen and Gu 2020). Draws no random numbers. Radii are L2 lengths before the bounds cut the ray."""

    preset: Literal["none", "paper", "scd"] = param(
        "none", paper="paper",
        help="paper: radii exact to a length of 1e-3 ranges, at most 10,000 queries; scd: the same with 40,000",
    )  # fmt: skip
    tolerance: float = param(
        3e-4, gt=0, lt=1, paper="1e-3 ranges", help="share of itself to which a radius is bisected, without a preset"
    )

    def perturb(self, oracle: LabelOracle, x: Tensor, rng: Streams) -> Perturbed:
        """A query per direction that is no shorter; about 15 more for one that is."""
        hunt = Hunt(oracle, x, "rays")
        rows = hunt.rows()
        hunt.end(rows[hunt.met(hunt.x0[rows], rows)])
        most = _PRESETS.get(self.preset)
        rays = _Rays(hunt, self.tolerance, absolute=self.preset != "none")
        asked = 1
        while len(rows := hunt.rows()) and (most is None or asked < most):
            rays.ask(rows)
            asked += 1
        return hunt.answer()


class _Rays:
    """Every row at its own pace, one query of each live row at a time.

    sign (N, d): the best direction; trial: the one looked at. radius (N, 1): how far the boundary
    is along the best one. low, high (N, 1): where it is along the trial, once that is known to be shorter.
    """

    def __init__(self, hunt: Hunt, share: float, absolute: bool) -> None:
        self.hunt, self.share, self.absolute = hunt, share, absolute
        n, d = hunt.x0.shape
        device = hunt.x0.device
        self.sign = torch.ones_like(hunt.x0)
        self.trial = self.sign.clone()  # first all +1, as it is
        # Beyond this length every ray ends in a corner.
        self.radius = torch.full((n, 1), math.sqrt(d) * hunt.width, dtype=torch.float64, device=device)
        self.low, self.high = torch.zeros_like(self.radius), self.radius.clone()
        self.searching, self.shorter = (torch.zeros(n, dtype=torch.bool, device=device) for _ in range(2))
        self.level, self.block = (torch.zeros(n, dtype=torch.int64, device=device) for _ in range(2))
        self._place = torch.arange(d, device=device)

    def ask(self, rows: Tensor) -> None:
        """Test the trial at the best radius, or halve the interval in which its own radius lies."""
        searching = self.searching[rows]
        exact = self._exact(rows)
        length = torch.where(searching[:, None], (self.low[rows] + self.high[rows]) / 2, self._wanted(rows))
        points = self.hunt.x0[rows] + length / math.sqrt(len(self._place)) * self.trial[rows]
        hit = self.hunt.met(self.hunt.placed(points), rows)
        self.high[rows] = torch.where(hit[:, None], length, self.high[rows])
        self.low[rows] = torch.where((searching & ~hit)[:, None], length, self.low[rows])
        self.searching[rows] = searching | hit
        done = (self.high[rows] - self.low[rows] <= exact).squeeze(1)
        self._accept(rows[self.searching[rows] & done])
        self._next(rows[~self.searching[rows]])

    def _exact(self, rows: Tensor) -> Tensor:
        """To what length radii are bisected, (R, 1)."""
        radius = self.radius[rows]
        return torch.full_like(radius, _LENGTH * self.hunt.width) if self.absolute else self.share * radius

    def _wanted(self, rows: Tensor) -> Tensor:
        """The radius at which a trial must succeed to be looked into, (R, 1)."""
        radius = self.radius[rows]
        return radius if self.absolute else radius - self._exact(rows)

    def _accept(self, rows: Tensor) -> None:
        better = rows[(self.high < self.radius)[rows].squeeze(1)]
        self.sign[better], self.radius[better], self.shorter[better] = self.trial[better], self.high[better], True
        self.searching[rows] = False

    def _next(self, rows: Tensor) -> None:
        """The best direction with its next block flipped becomes the trial."""
        d, size = len(self._place), self._size(rows)
        tried = (self.block[rows] * size >= d) | (self.block[rows] >= 2 ** self.level[rows].clamp(max=62))
        # Once single signs were flipped and none helped, all that follows would repeat.
        self.hunt.end(rows[tried & (size == 1) & ~self.shorter[rows]])
        last = rows[tried]
        self.level[last] += 1
        self.block[last] = 0
        self.shorter[last] = False
        size = self._size(rows)
        start = self.block[rows] * size  # less than d
        flipped = (self._place >= start[:, None]) & (self._place < (start + size)[:, None])
        self.trial[rows] = torch.where(flipped, -self.sign[rows], self.sign[rows])
        self.low[rows], self.high[rows] = 0.0, self.radius[rows]
        self.block[rows] += 1

    def _size(self, rows: Tensor) -> Tensor:
        """How many signs a block of each row's level has, int64 (R,)."""
        size: Tensor = -(-len(self._place) // (2 ** self.level[rows].clamp(max=62)))
        return size
