"""How far each row may go, and the closest point that it has reached the goal with."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from advbench import Norm, Perturbed, ScoreOracle

from .inquiry import Inquiry
from .losses import Loss

_TINY = 1e-30
UNTOLD = 10_000  # queries that an attack makes of a budget that has no end


class Pursuit:
    """The ball around each row and its closest success.

    With eps the radius is eps and a row is over at its first success. Where the smallest change
    wins (no eps, or --refine) each success makes the radius `shrink` times its distance.

    x0: (N, d).  radius, distance: (N,) in the threat's norm.
    """

    def __init__(self, oracle: ScoreOracle, x: Tensor, loss: Loss, shrink: float) -> None:
        self.oracle, self.shape, self.norm = oracle, tuple(x.shape[1:]), oracle.threat.norm
        self.x0, self.shrink = x.flatten(1), shrink
        self.inquiry = Inquiry(oracle, self.shape, loss)
        eps = oracle.threat.eps
        self.narrows = eps is None or oracle.threat.refine
        self.radius = torch.full((len(x),), self._widest() if eps is None else eps, dtype=x.dtype, device=x.device)
        self.best = self.x0.clone()
        self.distance = torch.full_like(self.radius, torch.inf)
        # With eps = 0 there is nothing to look for.
        self.over = self.radius == 0

    def _widest(self) -> float:
        width = self.oracle.bounds.width if self.oracle.bounds else 1.0
        return width if self.norm is Norm.LINF else width * math.sqrt(self.x0.shape[1])

    @property
    def width(self) -> float:
        """The range of the inputs, the unit of every step."""
        return self.oracle.bounds.width if self.oracle.bounds else 1.0

    def rows(self, cost: Tensor) -> Tensor:
        """int64 (R,): rows that can pay for a step of `cost` (N,) queries; live ones that cannot are ended.

        Rows that never heard anything are left out too: more of the same tells no more.
        """
        live = self.oracle.live & ~self.over & ~self.inquiry.silent
        able = self.oracle.left() >= cost
        if bool((live & ~able).any()):
            self.oracle.out_of_budget((live & ~able).nonzero().flatten())
        return (live & able).nonzero().flatten()

    def steps(self, most: int | None, cost: Tensor) -> Tensor:
        """int64 (N,): steps of `cost` (N,) queries that each row's budget pays for, at most `most`."""
        left = self.oracle.left()
        if most is None and self.oracle.threat.max_queries is None:
            left = left.clamp(max=UNTOLD)
        affordable = left // cost
        return affordable if most is None else affordable.clamp(max=most)

    def project(self, points: Tensor, rows: Tensor) -> Tensor:
        """Points (R, d) moved into the bounds and then into their rows' balls."""
        radius, x0 = self.radius[rows, None], self.x0[rows]
        change = self.clip(points) - x0
        if self.norm is Norm.LINF:
            change = torch.maximum(torch.minimum(change, radius), -radius)
        else:
            change = change * (radius / change.norm(dim=1, keepdim=True).clamp(min=_TINY)).clamp(max=1)
        return self.clip(x0 + change)

    def clip(self, points: Tensor) -> Tensor:
        """Points moved into the bounds."""
        return points if self.oracle.bounds is None else self.oracle.bounds.clip(points)

    def look(self, points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Ask about points (R, d), one per row: (loss float64 (R,), success bool (R,)); successes are kept.

        One query, or the row's repeats; a success that the ledger has not ended asks for labels too.
        """
        loss, met = self.inquiry.ask(points, rows)
        doubtful = met & self.oracle.live[rows] & (self.oracle.left()[rows] >= self.inquiry.repeats[rows])
        at = doubtful.nonzero().flatten()
        if len(at):
            met[at] = self.inquiry.holds(points[at], rows[at])
        if bool(met.any()):
            self._keep(points[met], rows[met])
        return loss, met

    def answer(self) -> Perturbed:
        """The closest successes, and the inputs where there is none."""
        notes = {"informative": self.inquiry.share}
        blind = self.inquiry.blind & self.distance.isinf()
        return Perturbed(self.best.reshape(-1, *self.shape), notes=notes, blind=blind)

    def _keep(self, points: Tensor, rows: Tensor) -> None:
        change = points - self.x0[rows]
        size = change.abs().amax(dim=1) if self.norm is Norm.LINF else change.norm(dim=1)
        closer = size < self.distance[rows]
        at = rows[closer]
        self.distance[at], self.best[at] = size[closer], points[closer]
        if self.narrows:
            self.radius[at] = self.shrink * size[closer]
            self.over |= self.distance == 0
        else:  # a noisy row may have been lucky: the ledger knows, and ends it if not
            self.over[rows[self.inquiry.repeats[rows] == 1]] = True
