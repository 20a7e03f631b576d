"""ZOO-ADAM on whole batches: rows share calls, never numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from advbench import Access, AttackFacts, Norm, Perturbed, ScoreOracle, Streams, param

from .adam import CoordinateAdam
from .differences import Probes, probe
from .search import TradeOff
from .space import Space
from .step_size import choose_h

FLAT = 0.05  # below this share of reacting coordinates the contender tells nothing


@dataclass(frozen=True)
class Zoo:
    """min |x - x0|^2 + c max(f(x), -kappa) by stochastic coordinate descent (paper, Algorithm 1)."""

    h: float | Literal["auto"] = param(
        "auto", gt=0, unit="input units", paper=1e-4,
        help="step of the finite differences; auto tries 1e-4 to 0.4 of the range and keeps the smallest that tells",
    )  # fmt: skip
    iterations: int = param(1000, ge=1, paper="3000 MNIST, 1000 CIFAR-10", help="steps per search, budget permitting")
    learning_rate: float = param(0.01, gt=0, unit="input units", help="ADAM's step")
    haste: float = param(
        8.0,
        ge=1,
        paper=1,
        help="factor on ADAM's step for rows without success when half their budget is gone",
    )
    c: float = param(1.0, gt=0, paper=0.01, help="first weight of the score against the squared change")
    searches: int = param(9, ge=1, help="most values of c tried")
    coordinates: int | Literal["auto"] = param(
        "auto", ge=1, paper=128, help="coordinates probed per step (B); auto is min(128, half of them)"
    )
    kappa: float = param(0.0, ge=0, unit="log-odds", help="margin by which a success must win")
    box: Literal["projection", "tanh"] = param(
        "projection", paper="projection for MNIST, tanh for CIFAR-10", help="how points are kept inside the bounds"
    )
    abort_every: int | Literal["auto"] = param(
        "auto",
        ge=1,
        paper=100,
        help="a search ends when this many steps improve the loss by less than 0.01 %; auto is a tenth of a search",
    )

    def facts(self) -> AttackFacts:
        return AttackFacts(needs=Access.SCORES, norms=frozenset({Norm.L2}), margin=self.kappa)

    def perturb(self, oracle: ScoreOracle, x: Tensor, rng: Streams) -> Perturbed:
        """Probe, step, and search on c, every row at its own pace, until none can go on."""
        space = Space(oracle.bounds, self.box == "tanh", tuple(x.shape[1:]), x.dtype)
        x0 = x.flatten(1).double()
        if self.h == "auto":
            h, share = choose_h(oracle, space, x0, rng)
        else:
            h = torch.full((len(x),), self.h, dtype=torch.float64, device=x.device)
            share = torch.full_like(h, -1.0)
        descent = Descent(self, oracle, space, x0, h)
        while descent.advance(rng):
            pass
        best, reacted = descent.best, descent.reacted()
        # Steps taken tell more about a row's silence than the sample that chose h.
        share = torch.where(reacted.isnan(), share, reacted)
        notes = {"h": h, "c": descent.trade.c, "informative": share, "iterations": descent.taken.double()}
        return Perturbed(space.inputs(best), notes=notes, blind=(share >= 0) & (share < FLAT))


class Descent:
    """The state of all rows during one call; lives and dies with it."""

    def __init__(self, attack: Zoo, oracle: ScoreOracle, space: Space, x0: Tensor, h: Tensor) -> None:
        n, d = x0.shape
        self.attack, self.oracle, self.space, self.x0, self.h = attack, oracle, space, x0, h
        self.width = min(d, 128, max(1, d // 2)) if attack.coordinates == "auto" else min(d, attack.coordinates)
        self.start = space.variable(x0)
        self.u = self.start.clone()  # under projection the variable of x0 is x0 itself
        self.adam = CoordinateAdam.zeros(x0)
        self.trade = TradeOff.start(n, attack.c, x0.device)
        self.best = x0.clone()
        self.best_size = torch.full((n,), torch.inf, dtype=torch.float64, device=x0.device)
        self.found = torch.zeros(n, dtype=torch.bool, device=x0.device)  # in the search under way
        self.taken = torch.zeros(n, dtype=torch.int64, device=x0.device)  # steps in all
        self.age = torch.zeros_like(self.taken)  # steps in the search under way
        self.last_loss = torch.full_like(self.best_size, torch.inf)
        self.cost = 2 * self.width + 1
        self.patience = self._patience()
        self.hurry_below = oracle.left() // 2
        self.heard = torch.zeros_like(self.best_size)  # sum over steps of the share that reacted

    def _patience(self) -> Tensor:
        """Steps between two looks at the loss, int64 (N,).

        The released code looks ten times a search; when the budget is shorter than a search it
        must decide sooner, or the first, smallest c would eat everything.
        """
        if self.attack.abort_every != "auto":
            return torch.full_like(self.taken, self.attack.abort_every)
        affordable = (self.oracle.left() // self.cost).clamp(max=self.attack.iterations)
        return (affordable // 10).clamp(min=1)

    def advance(self, rng: Streams) -> bool:
        """Take one step with every row that can pay for it; False when none can."""
        able = self.oracle.live & (self.trade.done < self.attack.searches)
        pays = self.oracle.left() >= self.cost
        self.oracle.out_of_budget((able & ~pays).nonzero().flatten())
        rows = (able & pays).nonzero().flatten()
        if not len(rows):
            return False
        index = rng.uniform(rows, (self.x0.shape[1],)).topk(self.width, dim=1).indices
        probes = probe(self.oracle, self.space, self.x0[rows], self.u[rows], index, self.h[rows], rows)
        self._note(rows, probes)
        ending = self._ending(rows, probes)
        self._move(rows[~ending], index[~ending], probes.slope(self.trade.c[rows], self.attack.kappa)[~ending])
        self._next_search(rows[ending])
        return True

    def reacted(self) -> Tensor:
        """Mean share of coordinates that reacted, (N,); NaN for rows that took no step."""
        return self.heard / self.taken

    def _size(self, rows: Tensor) -> Tensor:
        return (self.space.value(self.u[rows]) - self.x0[rows]).square().sum(dim=1)

    def _note(self, rows: Tensor, probes: Probes) -> None:
        """Keep the closest point that won by kappa."""
        self.taken[rows] += 1
        self.age[rows] += 1
        self.heard[rows] += probes.informative()
        won = (probes.base < 0) & (probes.base <= -self.attack.kappa)
        size = self._size(rows)
        better = won & (size < self.best_size[rows])
        self.found[rows] |= won
        self.best_size[rows[better]] = size[better]
        self.best[rows[better]] = self.space.value(self.u[rows[better]])

    def _ending(self, rows: Tensor, probes: Probes) -> Tensor:
        """Searches that have run their length, or whose loss no longer falls."""
        loss = self._size(rows) + self.trade.c[rows] * probes.base.clamp(min=-self.attack.kappa)
        due = (self.age[rows] - 1) % self.patience[rows] == 0
        stuck = due & (loss > 0.9999 * self.last_loss[rows])
        self.last_loss[rows] = torch.where(due, loss, self.last_loss[rows])
        return stuck | (self.age[rows] >= self.attack.iterations)

    def _move(self, rows: Tensor, index: Tensor, slope: Tensor) -> None:
        hurried = ~self.best_size[rows].isfinite() & (self.oracle.left()[rows] < self.hurry_below[rows])
        rate = self.attack.learning_rate * torch.where(hurried, self.attack.haste, 1.0)
        step = self.adam.step(rows, index, slope, rate.unsqueeze(1))
        at = (rows.unsqueeze(1), index)
        self.u[at] = self.space.keep(self.u[at] + step)

    def _next_search(self, rows: Tensor) -> None:
        self.trade.advance(rows, self.found[rows])
        self.u[rows] = self.start[rows]
        self.adam.forget(rows)
        self.found[rows] = False
        self.age[rows] = 0
        self.last_loss[rows] = torch.inf
