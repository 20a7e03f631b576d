"""An attack's dealings with its oracle: flat points of walks in, "did it meet the goal?" out; the closest is kept."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor

from advbench import BudgetSpent, LabelOracle

from .geometry import Geometry

AT_ONCE = 1 << 20  # numbers in one block of points


class Asking:
    """Walks are numbered example by example, `each` to an example: walk w is one of example w // each.

    x0 (N, d): the inputs. best (W, d), distance (W,): each walk's closest success, x0 and infinity without one.
    """

    def __init__(self, oracle: LabelOracle, x: Tensor, each: int = 1) -> None:
        self.oracle, self.shape, self.each = oracle, tuple(x.shape[1:]), each
        self.x0 = x.flatten(1)
        self.geometry = Geometry(oracle.threat.norm, oracle.bounds, self.x0.shape[1], x.dtype)
        self.best = self.x0.repeat_interleave(each, dim=0)
        self.distance = torch.full((len(self.best),), torch.inf, dtype=torch.float64, device=x.device)

    def walks(self, examples: Tensor) -> Tensor:
        """The numbers of all walks of these examples, (E, each)."""
        return examples[:, None] * self.each + torch.arange(self.each, device=examples.device)

    def blocks(self, examples: int, points: int) -> Iterator[slice]:
        """Places of so many examples at a time that `points` of each of their walks make a block."""
        step = max(1, AT_ONCE // (self.each * points * self.geometry.d))
        return (slice(start, start + step) for start in range(0, examples, step))

    def inputs(self, walks: Tensor) -> Tensor:
        """Of these walks' examples, (M, d)."""
        return self.x0[walks // self.each]

    def live(self, walks: Tensor) -> Tensor:
        """bool (M,): may they still ask?"""
        return self.oracle.live[walks // self.each]

    def met(self, points: Tensor, walks: Tensor) -> Tensor:
        """bool (M,): which of these points (M, d) meet the goal? One query each; False where it cannot be paid."""
        of = walks // self.each
        hit = torch.zeros_like(of, dtype=torch.bool)
        live = self.oracle.live[of]
        at = slice(None) if bool(live.all()) else live
        asked, rows = points[at].reshape(-1, *self.shape), of[at]
        if rows.numel():
            with contextlib.suppress(BudgetSpent):
                hit[at] = self.oracle.goal.met(self.oracle.labels(asked, rows), rows)
        return hit

    def keep(self, points: Tensor, walks: Tensor, distance: Tensor) -> None:
        """Remember successes (M, d) of walks without repeats, if they are the closest."""
        closer = distance < self.distance[walks]
        where = walks[closer]
        self.best[where], self.distance[where] = points[closer], distance[closer]

    def closest(self) -> tuple[Tensor, Tensor]:
        """Of each example's walks: points (N, d) and their distances (N,)."""
        distance, walk = self.distance.reshape(-1, self.each).min(dim=1)
        return self.best[torch.arange(len(walk), device=walk.device) * self.each + walk], distance
