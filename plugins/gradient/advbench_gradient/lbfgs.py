"""The first attack on networks: L-BFGS in a box, here for many rows at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from advbench import Access, AttackFacts, Bounds, ContestError, GradientOracle, Norm, Perturbed, Streams, param

from .history import History
from .hunt import Hunt
from .losses import LEAD, LEAD_HELP, chance
from .radius import Bracket

_TEN, _ARMIJO, _SHORTEST, _FLAT = 10.0, 1e-4, 1e-4, 1e-6


@dataclass(frozen=True)
class Lbfgs:
    """min |x - x0|^2 - c log p(goal) in the box, with a search on c (Szegedy et al. 2014, section 4.1).

    Distances count in units of the range. Every evaluation is one try of a backtracking line search.
    """

    steps: int = param(60, ge=1, paper=1000, help="gradients per value of c")
    searches: int = param(15, ge=1, paper=5, help="values of c tried: up or down tenfold, then by bisection")
    c: float = param(0.1, gt=0, paper=0.01, help="first weight of the score against the change")
    memory: int = param(10, ge=1, paper=10, help="pairs of steps and gradients remembered per row")
    lead: float | None = param(LEAD, gt=0, unit="log-odds", paper="none", help=LEAD_HELP)

    def facts(self) -> AttackFacts:
        return AttackFacts(needs=Access.GRADIENTS, norms=frozenset({Norm.L2}))

    def perturb(self, oracle: GradientOracle, x: Tensor, rng: Streams) -> Perturbed:
        """At most `searches` x `steps` gradients per row."""
        if oracle.bounds is None:
            raise ContestError("lbfgs: inputs must have bounds, got none. Use deepfool or pgd.")
        hunt, bounds = Hunt(oracle, x, lead=self.lead), oracle.bounds
        bracket = Bracket.start(torch.full_like(hunt.distance, self.c))
        for _ in range(self.searches):
            rows = hunt.rows()
            if not len(rows):
                break
            search = _Descent(hunt, bounds, rows, bracket.now[rows], self.memory)
            for _ in range(self.steps):
                if not search.advance():
                    break
            bracket.advance(rows, search.found, _TEN)
        return hunt.answer()


class _Descent:
    """Projected L-BFGS on R rows, each with its own history and line search, in the unit box."""

    def __init__(self, hunt: Hunt, bounds: Bounds, rows: Tensor, c: Tensor, memory: int) -> None:
        self.hunt, self.bounds, self.rows, self.c = hunt, bounds, rows, c
        self.origin = (hunt.x0[rows] - bounds.low) / bounds.width
        self.at, self.tried = self.origin.clone(), self.origin.clone()
        self.value, self.length = torch.full_like(c, torch.inf), torch.ones_like(c)
        self.grad, self.way = torch.zeros_like(self.at), torch.zeros_like(self.at)
        self.history = History(self.at, memory)
        self.found = torch.zeros_like(rows, dtype=torch.bool)
        self.walking = torch.ones_like(self.found)

    def advance(self) -> bool:
        """Ask about one point of every row that goes on; False when none does."""
        self.walking &= self.hunt.live[self.rows]
        on = self.walking.nonzero().flatten()
        if not len(on):
            return False
        tried, change = self.tried[on], self.tried[on] - self.origin[on]
        points = self.bounds.clip(self.bounds.low + self.bounds.width * tried)
        here = self.hunt.slopes(points, self.rows[on], chance)
        self.found[on] |= here.hit
        value = change.square().sum(dim=1) - self.c[on] * here.value
        grad = 2 * change - self.c[on, None] * here.grad * self.bounds.width
        fall = (self.grad[on] * (tried - self.at[on])).sum(dim=1)
        good = (value <= self.value[on] + _ARMIJO * fall) & (here.steep | here.hit)
        self.length[on[~good]] /= 2
        self.walking[on[~good & (self.length[on] < _SHORTEST)]] = False
        self.walking[on[~here.steep & ~here.hit]] = False
        self._accept(on[good], tried[good], value[good], grad[good])
        self.tried[on] = (self.at[on] + self.length[on, None] * self.way[on]).clamp(0, 1)
        return True

    def _accept(self, on: Tensor, point: Tensor, value: Tensor, grad: Tensor) -> None:
        known = self.value[on].isfinite()  # the first point has no step behind it
        self.history.add(on[known], (point - self.at[on])[known], (grad - self.grad[on])[known])
        self.at[on], self.value[on], self.grad[on], self.length[on] = point, value, grad, 1.0
        # Features that stand at a bound and are pushed out stay where they are.
        held = ((point <= 0) & (grad > 0)) | ((point >= 1) & (grad < 0))
        free = grad.masked_fill(held, 0)
        way = -self.history.apply(on, free).masked_fill(held, 0)
        uphill = (way * free).sum(dim=1) >= 0
        self.way[on] = torch.where(uphill[:, None], -free / 2, way)
        self.walking[on[free.abs().amax(dim=1) <= _FLAT]] = False
