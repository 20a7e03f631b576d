"""An attack's dealings with its oracle: flat points in; slopes out; the closest success is kept."""

from __future__ import annotations

import contextlib
from typing import NamedTuple

import torch
from torch import Tensor

from advbench import BudgetSpent, GradientOracle, Norm, Perturbed

from .losses import Gain, margin, to_lead
from .norms import size


class Slopes(NamedTuple):
    """Of M points: gain (M,), its gradient (M, d), and whether the point met the goal (M,)."""

    value: Tensor
    grad: Tensor
    hit: Tensor

    @property
    def steep(self) -> Tensor:
        """bool (M,): rows whose gradient leads anywhere."""
        return self.grad.ne(0).any(dim=1)


class Hunt:
    """Rows are those of the oracle; kappa is the least margin, in log-odds, of a success that counts.

    lead: losses see scores multiplied, row by row, so that at the first point that a row asks about the goal is
    missed by that much: networks that differ in their scores' scale alone are attacked alike. None: as they are.
    """

    def __init__(self, oracle: GradientOracle, x: Tensor, kappa: float = 0.0, lead: float | None = None) -> None:
        self.oracle, self.shape, self.kappa = oracle, tuple(x.shape[1:]), kappa
        self.x0 = x.flatten(1)
        self.width = oracle.bounds.width if oracle.bounds else 1.0
        self.norm: Norm = oracle.threat.norm
        self.best = self.x0.clone()
        self.distance = torch.full((len(x),), torch.inf, dtype=x.dtype, device=x.device)
        self._lead, self._factor = lead, torch.full_like(self.distance, torch.nan)  # nan: not asked yet
        # Rows that had a gradient, that had one that leads anywhere, and that had one that is no number.
        self._asked, self._signal, self._lost = (
            torch.zeros(len(x), dtype=torch.bool, device=x.device) for _ in range(3)
        )

    @property
    def live(self) -> Tensor:
        """bool (N,): rows still worth asking about."""
        return self.oracle.live & ~self._lost

    def rows(self) -> Tensor:
        """int64 (R,): the live ones."""
        return self.live.nonzero().flatten()

    def slopes(self, points: Tensor, rows: Tensor, gain: Gain, target: Tensor | None = None) -> Slopes:
        """Ask for gradients of `gain` at points (M, d), inside the bounds; one query and gradient each.

        target: classes to gain on, (M,), where they are not the goal's.
        """
        goal = self.oracle.goal
        y = goal.y[rows]
        if target is None and goal.target is not None:
            target = goal.target[rows]
        answered, hit = (torch.zeros(len(rows), dtype=torch.bool, device=points.device) for _ in range(2))

        def loss(scores: Tensor, index: Tensor) -> Tensor:
            answered[index] = True
            hit[index] = self._met(scores.detach(), rows[index])
            return gain(self._scaled(scores, rows[index]), y[index], None if target is None else target[index])

        try:
            value, grad = self.oracle.value_and_grad(self._shaped(points), loss, rows)
        except BudgetSpent:  # of these rows; others, who sit this call out, may go on
            value, grad = points.new_zeros(len(rows)), torch.zeros_like(points)
        flat = grad.flatten(1)
        if self.oracle.threat.gradient == "exact":
            self._keep(points, rows, hit)
        else:  # smooth scores prove nothing
            hit = self.test(points, rows)
        finite = flat.isfinite().all(dim=1)
        self._asked[rows[answered]] = True
        self._lost[rows[~finite]] = True
        slopes = Slopes(value, torch.where(finite[:, None], flat, 0.0), hit)
        self._signal[rows[slopes.steep]] = True
        return slopes

    def test(self, points: Tensor, rows: Tensor) -> Tensor:
        """bool (M,): which of these points, inside the bounds, meet the goal? One query each."""
        goal = self.oracle.goal
        hit = torch.zeros(len(rows), dtype=torch.bool, device=points.device)
        at = self.oracle.live[rows].nonzero().flatten()  # a gradient may have been some row's last query
        if len(at):
            asked, of = self._shaped(points[at]), rows[at]
            with contextlib.suppress(BudgetSpent):
                hit[at] = (
                    self._met(self.oracle.scores(asked, of), of)
                    if self.kappa
                    else goal.met(self.oracle.labels(asked, of), of)
                )
        self._keep(points, rows, hit)
        return hit

    def rivals(self, count: int) -> list[Tensor]:
        """The `count` best classes but y at the inputs, best first, (N,) each; one query per live row."""
        rows, y = self.rows(), self.oracle.goal.y
        count = min(count, self.oracle.classes - 1)
        found = torch.zeros(len(y), count, dtype=torch.int64, device=y.device)
        with contextlib.suppress(BudgetSpent):
            scores = self.oracle.scores(self._shaped(self.x0[rows]), rows)
            others = scores.scatter(1, y[rows, None], -torch.inf)
            found[rows] = others.topk(count, dim=1).indices
        return list(found.unbind(1))

    def answer(self, points: Tensor | None = None) -> Perturbed:
        """The closest successes, or `points` (N, d) whatever they reached."""
        blind = (self._asked & ~self._signal) | self._lost
        chosen = self.best if points is None else points
        return Perturbed(chosen.reshape(-1, *self.shape), blind=blind & self.distance.isinf())

    def _scaled(self, scores: Tensor, rows: Tensor) -> Tensor:
        if self._lead is None:
            return scores
        goal = self.oracle.goal
        fresh = to_lead(scores.detach(), goal.y[rows], None if goal.target is None else goal.target[rows], self._lead)
        self._factor[rows] = torch.where(self._factor[rows].isnan(), fresh, self._factor[rows])
        return scores * self._factor[rows, None]

    def _met(self, scores: Tensor, rows: Tensor) -> Tensor:
        goal = self.oracle.goal
        met = goal.met(scores.argmax(dim=1), rows)
        if not self.kappa:
            return met
        return met & (margin(scores, goal.y[rows], None if goal.target is None else goal.target[rows]) >= self.kappa)

    def _keep(self, points: Tensor, rows: Tensor, hit: Tensor) -> None:
        at = hit.nonzero().flatten()
        if not len(at):
            return
        distance = size(points[at] - self.x0[rows[at]], self.norm, self.width)
        # A row may have several points: of those the smallest, sorted last, counts.
        order = distance.argsort(descending=True, stable=True)
        position = torch.arange(len(order), device=order.device)
        last = torch.full_like(self.distance, -1, dtype=torch.int64)
        last.scatter_reduce_(0, rows[at][order], position, "amax")
        chosen = order[last[last >= 0]]
        chosen = chosen[distance[chosen] < self.distance[rows[at[chosen]]]]
        where = rows[at[chosen]]
        self.distance[where], self.best[where] = distance[chosen], points[at[chosen]]

    def _shaped(self, points: Tensor) -> Tensor:
        return points.reshape(-1, *self.shape)
