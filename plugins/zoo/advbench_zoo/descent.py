"""The state of all rows during one attack, and what one step does to it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from advbench import ScoreOracle, Streams

from .adam import CoordinateAdam
from .differences import Asking, Pair, moves
from .losses import Losses
from .newton import newton
from .presets import Settings, Solver
from .search import TradeOff, first_weight
from .space import Space
from .variables import Variables


@dataclass(frozen=True)
class Plan:
    """What a descent is told. Per row (N,): h, hessian_h, the steps of first and second differences; noise, a
    difference of answers up to which means nothing."""

    settings: Settings
    solver: Solver
    kappa: float
    h: Tensor
    hessian_h: Tensor
    noise: Tensor


class Descent:
    """Lives and dies with one call of the attack. `stages`: one way of asking per size of the space."""

    def __init__(
        self, plan: Plan, oracle: ScoreOracle, stages: tuple[Asking, ...], variables: Variables, losses: Losses
    ) -> None:
        n, device = variables.m.shape[0], variables.m.device
        self.plan, self.settings, self.oracle, self.stages = plan, plan.settings, oracle, stages
        self.variables, self.losses = variables, losses
        self.twice = (plan.hessian_h != plan.h) & (plan.solver != "adam")  # rows with two sizes of steps
        self.adam = CoordinateAdam.zeros(variables.m)
        self.trade = TradeOff.start(n, self.settings.c, device)
        self.best = variables.x0.clone()
        self.best_size = torch.full((n,), torch.inf, dtype=torch.float64, device=device)
        self.found = torch.zeros(n, dtype=torch.bool, device=device)  # in the search under way
        self.taken = torch.zeros(n, dtype=torch.int64, device=device)  # steps in all
        self.age = torch.zeros_like(self.taken)  # steps in the search under way
        self.last_loss = torch.full_like(self.best_size, torch.inf)
        self.patience = self._patience()
        self.heard = torch.zeros_like(self.best_size)  # sum over steps of the share that reacted

    def advance(self, rng: Streams) -> bool:
        """Take one step with every row that can pay for it; False when none can."""
        able = self.oracle.live & (self.trade.done < self.settings.searches)
        pays = self.oracle.left() >= self._cost()
        self.oracle.out_of_budget((able & ~pays).nonzero().flatten())
        ready = able & pays
        for stage, asking in enumerate(self.stages):
            for twice in (False, True):
                rows = (ready & (self.variables.stage == stage) & (self.twice == twice)).nonzero().flatten()
                if len(rows):
                    self._step(asking, rows, twice, rng)
        return bool(ready.any())

    def reacted(self) -> Tensor:
        """Mean share of variables that reacted, (N,); NaN for rows that took no step."""
        return self.heard / self.taken

    def _width(self, space: Space) -> int:
        """Variables probed per step."""
        chosen = self.settings.coordinates
        return min(space.size, 128, max(1, space.size // 2)) if chosen is None else min(space.size, chosen)

    def _cost(self) -> Tensor:
        """Queries of each row's next step, int64 (N,)."""
        widths = torch.tensor([self._width(asking.space) for asking in self.stages], device=self.twice.device)
        return 1 + 2 * widths[self.variables.stage] * (1 + self.twice.long())

    def _patience(self) -> Tensor:
        """Steps between two looks at the loss, int64 (N,).

        The released code looks ten times a search; when the budget is shorter than a search it
        must decide sooner, or the first, smallest c would eat everything.
        """
        if self.settings.abort_every is not None:
            return torch.full_like(self.taken, self.settings.abort_every)
        affordable = (self.oracle.left() // self._cost()).clamp(max=self.settings.iterations)
        return (affordable // 10).clamp(min=1)

    def _step(self, asking: Asking, rows: Tensor, twice: bool, rng: Streams) -> None:
        """One step of rows that are in the same space."""
        space = asking.space
        here = self.variables.here(rows, space)
        index = self.variables.draw(rows, rng.uniform(rows, (space.size,)), self._width(space))
        sizes = (self.plan.h, self.plan.hessian_h) if twice else (self.plan.h,)
        mirror = self.plan.solver != "adam"
        steps = tuple(moves(space, here, index, h[rows], mirror) for h in sizes)
        base, pairs = asking.probe(here, index, steps, rows)
        self.heard[rows] += pairs[0].informative(self.plan.noise[rows])
        if self.settings.c is None:
            self._weigh(rows, base, pairs[0], space.size)
        x = space.point(here)
        size = (x - here.x0).square().sum(dim=1)
        first = self._note(rows, base, x, size)
        score = self.trade.c[rows] * base.clamp(min=-self.plan.kappa)
        self.losses.note(rows, self.taken[rows], self.age[rows], self.found[rows], size + score, score)
        ending = self._ending(rows, size + score)
        m = space.keep(here, here.m.scatter_add(1, index, self._change(rows, index, base, pairs)))
        self.variables.put(rows[~ending], m[~ending])
        grown = self.variables.age(rows[~ending], self.age[rows[~ending]])
        self.adam.forget(grown)
        if self.settings.adam_reset:
            self.adam.forget(rows[first])
        self._next_search(rows[ending])

    def _weigh(self, rows: Tensor, base: Tensor, pair: Pair, count: int) -> None:
        """Give rows in their very first step a c."""
        c = first_weight(base, pair, self.plan.noise[rows], count, self.plan.kappa)
        fresh = self.taken[rows] == 0
        self.trade.c[rows[fresh]] = c[fresh]

    def _note(self, rows: Tensor, base: Tensor, x: Tensor, size: Tensor) -> Tensor:
        """Keep the closest point that won by kappa; return which rows won first in their search, bool (R,)."""
        self.taken[rows] += 1
        self.age[rows] += 1
        won = (base < 0) & (base <= -self.plan.kappa)
        first = won & ~self.found[rows]
        better = won & (size < self.best_size[rows])
        self.found[rows] |= won
        self.best_size[rows[better]] = size[better]
        self.best[rows[better]] = x[better]
        return first

    def _ending(self, rows: Tensor, loss: Tensor) -> Tensor:
        """Searches that have run their length, or whose loss no longer falls."""
        due = (self.age[rows] - 1) % self.patience[rows] == 0
        stuck = due & (loss > 0.9999 * self.last_loss[rows])
        self.last_loss[rows] = torch.where(due, loss, self.last_loss[rows])
        return stuck | (self.age[rows] >= self.settings.iterations)

    def _change(self, rows: Tensor, index: Tensor, base: Tensor, pairs: tuple[Pair, ...]) -> Tensor:
        """What the solver adds to those variables, (R, B)."""
        c, kappa, rate = self.trade.c[rows], self.plan.kappa, self.settings.learning_rate
        if self.plan.solver == "adam":
            return self.adam.step(rows, index, pairs[0].secant(base, c, kappa), rate)
        slope, _ = pairs[0].parabola(base, c, kappa)
        _, curvature = pairs[-1].parabola(base, c, kappa)
        step = newton(slope, curvature, rate, self.settings.hessian_floor)
        if self.plan.solver == "newton":
            return step
        return torch.where(curvature < 0, self.adam.step(rows, index, slope, rate), step)

    def _next_search(self, rows: Tensor) -> None:
        self.trade.advance(rows, self.found[rows])
        self.variables.restart(rows)
        self.adam.forget(rows)
        self.found[rows] = False
        self.age[rows] = 0
        self.last_loss[rows] = torch.inf
