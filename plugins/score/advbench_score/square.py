"""Square: random search over windows, kept where the score comes nearer to the goal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from advbench import Norm, Perturbed, ScoreOracle, Streams, param

from .layouts import Layout, layout_of
from .losses import LOSS_HELP, loss_for
from .proposals import first_l2, first_linf, propose_l2, propose_linf
from .pursuit import Pursuit

# Shares of all iterations after which p is halved; the paper gives them for 10,000 (section 5).
_HALVINGS = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
_L2_SIDE = 3
_PATIENCE = 100  # proposals without a success after which a row begins anew, twice as many each time


@dataclass(frozen=True)
class Square:
    """Random search with windows that shrink as the budget goes (Andriushchenko et al. 2020, Algorithm 1)."""

    p: float = param(
        0.1, gt=0, le=1, paper=".3 MNIST, .05 ImageNet, linf; .1 l2", help="share of the places in the first windows"
    )
    iterations: int | None = param(
        None,
        ge=1,
        paper=10_000,
        help="proposals per example, over which p goes through its schedule; none: the budget",
    )
    loss: Literal["auto", "margin", "ce"] = param("auto", help=LOSS_HELP)
    shrink: float = param(
        0.9, gt=0, lt=1, help="without eps or with --refine: the next radius, as a share of the distance reached"
    )

    def perturb(self, oracle: ScoreOracle, x: Tensor, rng: Streams) -> Perturbed:
        """One query per proposal; answers that change by themselves are averaged over 8."""
        loss = loss_for(self.loss, oracle.classes, oracle.goal.target is not None)
        pursuit = Pursuit(oracle, x, loss, self.shrink)
        search = _Search(pursuit, layout_of(tuple(x.shape[1:])), self.p)
        search.begin(rng)
        steps = pursuit.steps(self.iterations, pursuit.inquiry.repeats)
        for step in range(int(steps.max()) if len(steps) else 0):
            rows = pursuit.rows(pursuit.inquiry.repeats)
            rows = rows[step < steps[rows]]
            if not len(rows):
                break
            search.step(rows, step / steps[rows], rng)
        return pursuit.answer()


class _Search:
    """points: (N, d), the best of each row.  loss: float64 (N,), infinity where it has to be asked again.

    idle, patience: int64 (N,), steps since a row's last success or beginning, and how many of them make it begin anew.
    """

    def __init__(self, pursuit: Pursuit, layout: Layout, p: float) -> None:
        self.pursuit, self.layout, self.p = pursuit, layout, p
        self.points = pursuit.x0.clone()
        self.loss = torch.full((len(self.points),), torch.inf, dtype=torch.float64, device=self.points.device)
        self.idle = torch.zeros(len(self.points), dtype=torch.int64, device=self.points.device)
        self.patience = torch.full_like(self.idle, _PATIENCE)
        self.edges = torch.tensor(_HALVINGS, dtype=torch.float64, device=self.points.device)
        self.linf = pursuit.norm is Norm.LINF

    def begin(self, rng: Streams) -> None:
        """The first points, and whether the contender answers twice alike."""
        pursuit = self.pursuit
        rows = pursuit.rows(pursuit.inquiry.repeats)
        if not len(rows):
            return
        points = self._first(rows, rng)
        loss, won = pursuit.look(points, rows)
        self._take(rows, points, loss, won)
        still = ~won & ~pursuit.over[rows]
        pursuit.inquiry.listen(points[still], rows[still], loss[still])
        self._ask_again(rows)

    def step(self, rows: Tensor, progress: Tensor, rng: Streams) -> None:
        """One proposal for each row whose point's loss is known; the point itself is asked about elsewhere.

        progress: (R,), the share of its steps that each row has behind it.
        """
        if self.pursuit.narrows:
            self._begin_anew(rows[self.idle[rows] >= self.patience[rows]], rng)
        known = self.loss[rows].isfinite()
        points = self.points[rows]
        at = known.nonzero().flatten()
        if len(at):
            points[at] = self._proposed(rows[at], progress[at], rng)
        loss, won = self.pursuit.look(points, rows)
        self.pursuit.inquiry.compare(rows[at], loss[at] - self.loss[rows[at]])
        self.idle[rows] = torch.where(won, 0, self.idle[rows] + 1)
        better = won | (loss < self.loss[rows])
        self._take(rows[better], points[better], loss[better], won[better])
        self._ask_again(rows[better & known])

    def _first(self, rows: Tensor, rng: Streams) -> Tensor:
        return (first_linf if self.linf else first_l2)(self.pursuit, self.layout, rows, rng)

    def _begin_anew(self, rows: Tensor, rng: Streams) -> None:
        """A ball that follows successes hands its point down, traps included: only another first point leaves them."""
        if len(rows):
            self.points[rows], self.loss[rows] = self._first(rows, rng), torch.inf
            self.idle[rows] = 0
            self.patience[rows] *= 2

    def _proposed(self, rows: Tensor, progress: Tensor, rng: Streams) -> Tensor:
        propose = propose_linf if self.linf else propose_l2
        share = self.p * 0.5 ** torch.bucketize(progress.double(), self.edges).double()
        sides = self.layout.sides(share, 1 if self.linf else _L2_SIDE)
        points = self.points[rows]
        for side in sorted(set(sides.tolist())):
            at = (sides == side).nonzero().flatten()
            points[at] = propose(self.pursuit, self.layout, points[at], rows[at], side, rng)
        return points

    def _take(self, rows: Tensor, points: Tensor, loss: Tensor, won: Tensor) -> None:
        self.points[rows], self.loss[rows] = points, loss
        if self.pursuit.narrows:  # the ball has become smaller
            nearer = rows[won]
            self.points[nearer] = self.pursuit.project(self.points[nearer], nearer)
            self.loss[nearer] = torch.inf

    def _ask_again(self, rows: Tensor) -> None:
        """A noisy answer that was the best of many was lucky: what is built upon is asked anew."""
        self.loss[rows[self.pursuit.inquiry.repeats[rows] > 1]] = torch.inf
