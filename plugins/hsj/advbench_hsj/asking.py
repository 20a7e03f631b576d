"""An attack's dealings with its oracle: flat points in, "did it meet the goal?" out; the closest success is kept."""

from __future__ import annotations

import contextlib

import torch
from torch import Tensor

from advbench import BudgetSpent, LabelOracle

from .geometry import Geometry


class Asking:
    """Rows are those of the oracle. best (N, d), distance (N,): the closest success, x0 and infinity without one."""

    def __init__(self, oracle: LabelOracle, x: Tensor) -> None:
        self.oracle, self.shape = oracle, tuple(x.shape[1:])
        self.x0 = x.flatten(1)
        self.geometry = Geometry(oracle.threat.norm, oracle.bounds, self.x0.shape[1], x.dtype)
        self.best = self.x0.clone()
        self.distance = torch.full((len(x),), torch.inf, dtype=torch.float64, device=x.device)

    def met(self, points: Tensor, rows: Tensor) -> Tensor:
        """bool (M,): which of these points (M, d) meet the goal? One query each; False for dead rows."""
        hit = torch.zeros(len(rows), dtype=torch.bool, device=points.device)
        live = self.oracle.live[rows]
        everyone = bool(live.all())
        at = None if everyone else live.nonzero().flatten()
        if not len(rows) or (at is not None and not len(at)):
            return hit
        asked, of = (points, rows) if at is None else (points[at], rows[at])
        with contextlib.suppress(BudgetSpent):
            answers = self.oracle.goal.met(self.oracle.labels(asked.reshape(-1, *self.shape), of), of)
            if at is None:
                return answers
            hit[at] = answers
        return hit

    def keep(self, points: Tensor, rows: Tensor, distance: Tensor) -> None:
        """Remember successes (M, d) of rows without repeats, if they are the closest."""
        closer = distance < self.distance[rows]
        where = rows[closer]
        self.best[where], self.distance[where] = points[closer], distance[closer]
