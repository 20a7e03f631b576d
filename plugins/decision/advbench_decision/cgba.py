"""CGBA: estimates the boundary's normal, and walks a half circle to where the boundary is nearest."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from advbench import Examples, LabelOracle, Perturbed, State, Streams, param

from .hunt import Hunt, unit
from .noise import LowFrequencies, Noise, White
from .polar import along_circle
from .start import closer, find, remembered, to_boundary

_AT_ONCE = 1 << 17  # numbers per row that are held at a time; depends on nothing but the input's size
_LEAST = 8  # cosines per side below which nothing is left out
_STRAIGHT = 1e-3  # share of the way by which the first bisection may miss the boundary


@dataclass(frozen=True)
class Cgba:
    """Curvature-aware geometric black-box attack (Reza et al. 2023), its half-circle form."""

    iterations: int = param(200, ge=1, help="normals estimated, budget permitting; 200 take about 58,000 queries")
    probes: int = param(30, ge=1, help="queries of the first normal (N0); the t-th takes sqrt(t) times as many")
    probe: float = param(
        0.02, gt=0, le=1, help="length of a probe, as a share of the distance; raise it for piecewise-constant models"
    )
    frequencies: float | Literal["auto"] = param(
        "auto", gt=0, le=1, paper=0.25,
        help="images: share of the cosines per side that noise is made of; auto: half, but at least 8 of them",
    )  # fmt: skip
    halvings: int = param(8, ge=1, help="queries of each search on the half circle")
    directions: int = param(
        20, ge=0, paper=0, help="further noise looked at before the walk, at a query each, for a closer place to begin"
    )
    tries: int = param(1000, ge=1, help="noise images tried for a first success")

    def prepare(self, oracle: LabelOracle, seeds: Examples, rng: Streams) -> State:
        """Keeps some examples to start from; asks nothing."""
        return remembered(seeds)

    def perturb(self, oracle: LabelOracle, x: Tensor, rng: Streams) -> Perturbed:
        """Per iteration probes * sqrt(t) + halvings queries a row."""
        hunt, noise = Hunt(oracle, x, "cgba"), self._noise(x)
        at = find(hunt, rng, self.tries)
        rows = hunt.rows()
        at[rows] = to_boundary(hunt, at[rows], rows, _STRAIGHT)
        closer(hunt, at, rng, self.directions)
        for t in range(1, self.iterations + 1):
            rows = hunt.rows()
            if not len(rows):
                break
            normal = self._normal(hunt, at[rows], rows, noise, rng, int(self.probes * math.sqrt(t)))
            at[rows] = along_circle(hunt, at[rows], normal, rows, self.halvings)
        return hunt.answer()

    def _noise(self, x: Tensor) -> Noise:
        if x.dim() != 4:
            return White(x[0].numel())
        sides = [self._kept(side) for side in x.shape[2:]]
        if tuple(sides) == tuple(x.shape[2:]):
            return White(x[0].numel())
        return LowFrequencies(tuple(x.shape[1:]), (sides[0], sides[1]), x.device)

    def _kept(self, side: int) -> int:
        if self.frequencies == "auto":
            return max(min(_LEAST, side), side // 2)
        return max(1, round(self.frequencies * side))

    def _normal(self, hunt: Hunt, at: Tensor, rows: Tensor, noise: Noise, rng: Streams, count: int) -> Tensor:
        """The direction (R, d) into the wanted class at these points, from `count` answers around each."""
        d = at.shape[1]
        reach = self.probe * (at - hunt.x0[rows]).norm(dim=1)[:, None, None]
        votes, moved, agreed = at.new_zeros(len(at), 1), torch.zeros_like(at), torch.zeros_like(at)
        step = max(1, _AT_ONCE // d)
        for first in range(0, count, step):
            some = min(step, count - first)
            points = hunt.placed((at[:, None] + reach * noise.draw(rng, rows, some)).reshape(-1, d))
            sign = 2 * hunt.met(points, rows.repeat_interleave(some)).reshape(-1, some, 1).double() - 1
            change = points.reshape(-1, some, d) - at[:, None]  # what the bounds have left of it
            votes += sign.sum(dim=1)
            moved += change.sum(dim=1)
            agreed += (sign * change).sum(dim=1)
        mean = votes / count
        # All alike: their mean itself. Else what distinguishes the two sides, as in HopSkipJump.
        return unit(torch.where(mean.abs() == 1, agreed, agreed - mean * moved))
