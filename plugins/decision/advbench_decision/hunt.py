"""An attack's dealings with its oracle: flat float64 points in, yes or no out; the closest yes is kept."""

from __future__ import annotations

import contextlib

import torch
from torch import Tensor

from advbench import BudgetSpent, ContestError, LabelOracle, Norm, Perturbed


class Hunt:
    """Rows are those of the oracle. x0, best: float64 (N, d); distance: float64 (N,), infinity = no success yet.

    Raises ContestError for inputs without bounds: there is nothing to draw a first point from.
    """

    def __init__(self, oracle: LabelOracle, x: Tensor, who: str) -> None:
        if oracle.bounds is None:
            raise ContestError(f"{who}: inputs must have bounds, got none. Give LocalOracle some.")
        self.oracle, self.bounds = oracle, oracle.bounds
        self.norm: Norm = oracle.threat.norm
        self.x0 = x.flatten(1).double()
        self.best = self.x0.clone()
        self.distance = torch.full((len(x),), torch.inf, dtype=torch.float64, device=x.device)
        self._shape, self._dtype = tuple(x.shape[1:]), x.dtype
        self._over = torch.zeros(len(x), dtype=torch.bool, device=x.device)

    @property
    def width(self) -> float:
        """The range of the inputs."""
        return self.bounds.width

    def rows(self) -> Tensor:
        """int64 (R,): those still worth asking about."""
        return self.among(torch.ones_like(self._over))

    def among(self, chosen: Tensor) -> Tensor:
        """int64 (R,): those of the chosen, bool (N,), that are still worth asking about."""
        return (chosen & self.oracle.live & ~self._over).nonzero().flatten()

    def end(self, rows: Tensor) -> None:
        """Ask no more about these rows."""
        self._over[rows] = True

    def placed(self, points: Tensor) -> Tensor:
        """The points as they are asked: inside the bounds, and as exact as the inputs' own type."""
        return self.bounds.clip(points.to(self._dtype)).double()

    def met(self, points: Tensor, rows: Tensor) -> Tensor:
        """bool (M,): which of these points (M, d), placed before, meet the goal? One query each.

        A point of a row that can pay no more is answered with no.
        """
        hit = torch.zeros(len(rows), dtype=torch.bool, device=points.device)
        at = self.oracle.live[rows].nonzero().flatten()
        if len(at):
            asked = points[at].to(self._dtype).reshape(-1, *self._shape)
            with contextlib.suppress(BudgetSpent):
                hit[at] = self.oracle.goal.met(self.oracle.labels(asked, rows[at]), rows[at])
            self._keep(points, rows, hit)
        return hit

    def size(self, points: Tensor, rows: Tensor) -> Tensor:
        """How far points (M, d) of those rows are from their inputs, float64 (M,), in the threat's norm."""
        change = points - self.x0[rows]
        length: Tensor = change.abs().amax(dim=1) if self.norm is Norm.LINF else change.norm(dim=1)
        return length

    def answer(self) -> Perturbed:
        """The closest success of each row, or its input."""
        return Perturbed(self.best.to(self._dtype).reshape(-1, *self._shape))

    def _keep(self, points: Tensor, rows: Tensor, hit: Tensor) -> None:
        at = hit.nonzero().flatten()
        if not len(at):
            return
        size = self.size(points[at], rows[at])
        nearest = torch.full_like(self.distance, torch.inf).scatter_reduce_(0, rows[at], size, "amin")
        # Of a row's equals the first: sorted backwards, it is written last.
        chosen = (size == nearest[rows[at]]) & (size < self.distance[rows[at]])
        for i in reversed(at[chosen].tolist()):
            self.best[rows[i]] = points[i]
        self.distance = torch.minimum(self.distance, nearest)


def unit(direction: Tensor) -> Tensor:
    """Each row of (R, d) at length one; rows of zeros stay zeros."""
    length: Tensor = direction.norm(dim=1, keepdim=True)
    return direction / length.clamp(min=1e-300)


def dot(a: Tensor, b: Tensor) -> Tensor:
    """Row by row, (R, 1)."""
    product: Tensor = (a * b).sum(dim=1, keepdim=True)
    return product
