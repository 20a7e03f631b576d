"""One value of c per row: from the input downhill on c f + |change|_2^2 + beta |change|_1."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from advbench import Bounds

from .hunt import Hunt, Slopes

_INSIDE = 0.999999  # how far tanh reaches into its bounds: its inverse at an edge is infinite
_BETTER = 0.9999  # of the loss: less of an improvement in a tenth of a walk ends it
_WAIT = 8  # steps whose iterates are asked about in one call: larger calls cost less
_B1, _B2, _EPSILON = 0.9, 0.999, 1e-8  # Adam (Kingma and Ba 2015)


@dataclass(frozen=True)
class Plan:
    """What all walks share."""

    solver: Literal["fista", "ista", "cov"]
    threshold: Literal["paper", "prox"]
    steps: int
    rate: float
    abort: bool
    pull: Literal["always", "unmet"]

    def walk(self, hunt: Hunt, rows: Tensor, c: Tensor) -> Tensor:
        """Walk those rows, each with its c (R,); bool (R,): which met the goal on the way?"""
        walk = Tanh(hunt, rows, c, self) if self.solver == "cov" else Shrinking(hunt, rows, c, self)
        for k in range(self.steps):
            if not walk.step(k):
                break
        return walk.close()


def shrink(points: Tensor, x0: Tensor, threshold: float, bounds: Bounds | None) -> Tensor:
    """Bring every feature nearer to x0 by the threshold, or to it, and into the bounds (thesis, equation 18)."""
    shrunk = x0 + F.softshrink(points - x0, threshold)
    return shrunk if bounds is None else bounds.clip(shrunk)


class Walk:
    """R rows, of which those that still walk are kept side by side: their number in the search is `at`.

    All tensors named in `kept` have one entry for each of them. Whether an iterate meets the goal matters to
    what is chosen, not to where the walk goes: the question may wait for others.
    """

    kept: ClassVar[tuple[str, ...]] = ("at", "rows", "c", "x0", "looked", "patient")

    def __init__(self, hunt: Hunt, rows: Tensor, c: Tensor, plan: Plan) -> None:
        self.hunt, self.plan = hunt, plan
        self.found = torch.zeros_like(rows, dtype=torch.bool)
        self.at, self.rows, self.c = torch.arange(len(rows), device=rows.device), rows, c
        self.x0, self.looked = hunt.x0[rows], torch.full_like(c, torch.inf)
        self.patient = torch.zeros_like(self.found)
        self.waiting: list[tuple[Tensor, Tensor, Tensor]] = []  # points, and their rows and numbers

    def step(self, k: int) -> bool:
        """One gradient each; False when no row walks any more."""
        self._keep(self.hunt.live[self.rows])
        if not len(self.rows):
            return False
        if k % _WAIT == 0:
            self._ask_those_waiting()
            self.patient = self.hunt.patient(_WAIT)[self.rows]
        self._keep(self._move(k))
        return bool(len(self.rows))

    def close(self) -> Tensor:
        """The walk's end: bool (R,), what was found."""
        self._ask_those_waiting()
        return self.found

    def _move(self, k: int) -> Tensor:
        """Take step k; bool: which rows go on?"""
        raise NotImplementedError

    def _keep(self, mask: Tensor) -> None:
        if not bool(mask.all()):
            for name in self.kept:
                setattr(self, name, getattr(self, name)[mask])

    def _look(self, points: Tensor) -> None:
        """Ask now or later whether those points, one for each row, meet the goal."""
        later = self.patient.nonzero().flatten()
        if len(later) == len(points):
            self.waiting.append((points, self.rows, self.at))
            return
        now = (~self.patient).nonzero().flatten()
        self._note(points[now], self.rows[now], self.at[now])
        if len(later):
            self.waiting.append((points[later], self.rows[later], self.at[later]))

    def _ask_those_waiting(self) -> None:
        if self.waiting:
            points, rows, at = (torch.cat(parts) for parts in zip(*self.waiting, strict=True))
            self.waiting.clear()
            self._note(points, rows, at)

    def _note(self, points: Tensor, rows: Tensor, at: Tensor, hit: Tensor | None = None) -> None:
        """Ask whether those points meet the goal, unless `hit` tells."""
        hit = self.hunt.look(points, rows, self.found[at], hit)
        self.found[at[hit]] = True

    def _push(self, here: Slopes) -> Tensor:
        """Of the score on the inputs, in units of the range: the gradient of c f (R, d)."""
        wanted = self.c * (here.margin < self.hunt.kappa)
        return here.grad * (-self.hunt.width * wanted)[:, None]

    def _pulled(self, change: Tensor, here: Slopes) -> Tensor:
        """What of the change (R, d) its square pulls back."""
        return change if self.plan.pull == "always" else change * (here.margin < self.hunt.kappa)[:, None]

    def _goes_on(self, k: int, change: Tensor, here: Slopes) -> Tensor:
        """Rows whose gradient leads somewhere, and whose loss still falls; change (R, d) in units of the range."""
        going = here.steep | (here.margin >= self.hunt.kappa)
        if self.plan.abort and k % max(1, self.plan.steps // 10) == 0:
            loss = self.c * (self.hunt.kappa - here.margin).clamp(min=0) + change.square().sum(dim=1)
            loss += self.hunt.beta * change.abs().sum(dim=1)
            going &= loss <= _BETTER * self.looked
            self.looked = loss
        return going


class Shrinking(Walk):
    """ISTA, and FISTA with its momentum (thesis, equation 17 and Algorithm 4)."""

    kept = (*Walk.kept, "x", "y")

    def __init__(self, hunt: Hunt, rows: Tensor, c: Tensor, plan: Plan) -> None:
        super().__init__(hunt, rows, c, plan)
        self.x, self.y = self.x0, self.x0
        self.momentum = plan.solver == "fista"
        # Where slopes are taken at x itself, the same answer tells whether x has succeeded.
        self.told = not self.momentum and hunt.smooth

    def close(self) -> Tensor:
        if self.told and len(self.rows):
            self._look(self.x)
        return super().close()

    def _move(self, k: int) -> Tensor:
        width, bounds = self.hunt.width, self.hunt.oracle.bounds
        here = self.hunt.slopes(self.y, self.rows, self.told)
        if self.told:
            self._note(self.x, self.rows, self.at, here.hit)
        rate = self.plan.rate * math.sqrt(1 - k / self.plan.steps)
        threshold = self.hunt.beta * width * (rate if self.plan.threshold == "prox" else 1.0)
        change = self.y - self.x0
        downhill = self._push(here).mul_(width).add_(self._pulled(change, here), alpha=2)
        x = shrink(self.y - rate * downhill, self.x0, threshold, bounds)
        if not self.told:
            self._look(x)
        still = (x == self.x0).all(dim=1)
        if bool(still.any()):
            still &= (self.y == self.x0).all(dim=1)
        ahead = k / (k + 3) if self.momentum else 0.0
        self.x, self.y = x, x + ahead * (x - self.x) if ahead else x
        # Rates only fall, and so does what stays below the threshold at x0: such a row would never leave it.
        return self._goes_on(k, change / width, here) & ~still


class Tanh(Walk):
    """Adam on w, where x = tanh w reaches from bound to bound (Carlini and Wagner 2017): the thesis's COV."""

    kept = (*Walk.kept, "w", "first", "second", "start")

    def __init__(self, hunt: Hunt, rows: Tensor, c: Tensor, plan: Plan) -> None:
        super().__init__(hunt, rows, c, plan)
        bounds = hunt.oracle.bounds
        assert bounds is not None
        self.bounds = bounds
        t = (2 * (self.x0 - bounds.low) / bounds.width - 1) * _INSIDE
        # torch.atanh differs in the last bit at the end of its memory: rows would depend on their place.
        self.w = (torch.log1p(t) - torch.log1p(-t)) / 2
        self.start = (torch.tanh(self.w) + 1) / 2
        self.first, self.second = torch.zeros_like(self.w), torch.zeros_like(self.w)

    def _move(self, k: int) -> Tensor:
        unit = (torch.tanh(self.w) + 1) / 2
        points = self.bounds.clip(self.bounds.low + self.bounds.width * unit)
        here = self.hunt.slopes(points, self.rows, self.hunt.smooth)
        if self.hunt.smooth:
            self._note(points, self.rows, self.at, here.hit)
        else:
            self._look(points)
        change = unit - self.start
        downhill = self._push(here) + 2 * self._pulled(change, here) + self.hunt.beta * change.sign()
        self._adam(k + 1, downhill * (2 * unit * (1 - unit)))
        return self._goes_on(k, change, here)

    def _adam(self, count: int, grad: Tensor) -> None:
        self.first = _B1 * self.first + (1 - _B1) * grad
        self.second = _B2 * self.second + (1 - _B2) * grad.square()
        spread = (self.second / (1 - _B2**count)).sqrt_().add_(_EPSILON)
        self.w = self.w - self.plan.rate / (1 - _B1**count) * self.first / spread
