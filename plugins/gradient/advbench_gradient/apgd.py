"""Auto-PGD: chooses its own step size, and goes on from the best point that it has seen."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from advbench import Access, AttackFacts, GradientOracle, Norm, Perturbed, Streams, param

from .hunt import Hunt, Slopes
from .losses import LOSS_HELP, LOSSES, Gain, gain_for, lead_for, least_classes
from .norms import Ball, direction
from .radius import attempts

_ALPHA, _RHO, _FIRST_STEP = 0.75, 0.75, 2.0  # Croce and Hein 2020, section 3.2


@dataclass(frozen=True)
class Apgd:
    """Momentum, and half the step whenever progress stalls (Croce and Hein 2020, Algorithm 1)."""

    steps: int = param(100, ge=1, paper=100, help="gradients per start")
    restarts: int = param(5, ge=1, paper=5, help="random starts; rows that fell are left out of later ones")
    loss: str = param("auto", choices=LOSSES, paper="ce, then dlr", help=LOSS_HELP)
    classes: int = param(
        0, ge=0, paper="9 in APGD-T",
        help="aim at this many of the likeliest other classes, one per start in turn; 0: away from the label",
    )  # fmt: skip
    searches: int = param(15, ge=1, help="without eps: values tried, by bisection, from one start each")

    def facts(self) -> AttackFacts:
        norms = frozenset({Norm.L2, Norm.LINF})
        return AttackFacts(needs=Access.GRADIENTS, norms=norms, min_classes=least_classes(self.loss))

    def perturb(self, oracle: GradientOracle, x: Tensor, rng: Streams) -> Perturbed:
        """`steps` gradients per start, and one query per row to rank the classes if it aims."""
        hunt, gain = Hunt(oracle, x, lead=lead_for(self.loss)), gain_for(self.loss, oracle.loss)
        # Per start, the classes aimed at, (N,).
        aims = hunt.rivals(self.classes) if self.classes and oracle.goal.target is None else []
        started = 0

        def attempt(eps: Tensor, rows: Tensor) -> None:
            nonlocal started
            ball = Ball(hunt.norm, hunt.x0[rows], eps, oracle.bounds)
            target = aims[started % len(aims)][rows] if aims else None
            started += 1
            _Climb(hunt, ball, rows, gain, target, self.steps).run(ball.draw(rng, rows))

        attempts(hunt, attempt, max(self.restarts, len(aims)), self.searches)
        return hunt.answer()


def checkpoints(steps: int) -> list[int]:
    """Steps after which the step size is reconsidered: at 22 % first, then ever more often."""
    shares = [0, 22]  # in hundredths: .57 must not become .5700001
    while shares[-1] < 100:
        shares.append(shares[-1] + max(shares[-1] - shares[-2] - 3, 6))
    return [math.ceil(share * steps / 100) for share in shares[1:] if share <= 100]


class _Climb:
    """One start of R rows. All state is per row: sizes (R, 1), counts (R,)."""

    def __init__(self, hunt: Hunt, ball: Ball, rows: Tensor, gain: Gain, target: Tensor | None, steps: int) -> None:
        self.hunt, self.ball, self.rows, self.gain, self.target, self.steps = hunt, ball, rows, gain, target, steps
        self.size = _FIRST_STEP * ball.eps
        self.value, self.best_value = (ball.x0.new_full((len(rows),), -torch.inf) for _ in range(2))
        self.best, self.best_grad = ball.x0.clone(), torch.zeros_like(ball.x0)
        self.rises = torch.zeros_like(rows)
        # At the last checkpoint: the best value, and whether the step was halved there.
        self.best_before, self.halved = self.best_value.clone(), torch.zeros_like(rows, dtype=torch.bool)

    def run(self, start: Tensor) -> None:
        """Ask `steps` times, the start included."""
        points, before = start.clone(), start.clone()
        grad = torch.zeros_like(points)
        walking = torch.ones_like(self.halved)
        due = checkpoints(self.steps)
        last = 0
        for k in range(self.steps):
            walking &= self.hunt.live[self.rows]
            at = walking.nonzero().flatten()
            if not len(at):
                return
            target = None if self.target is None else self.target[at]
            here = self.hunt.slopes(points[at], self.rows[at], self.gain, target)
            walking[at[~here.steep]] = False
            grad[at] = here.grad
            self._note(at, points, here)
            if k in due:
                back = self._reconsider(at, k - last)
                last = k
                points[back], grad[back], before[back] = self.best[back], self.best_grad[back], self.best[back]
            ball = self.ball.pick(at)
            stepped = ball.project(points[at] + self.size[at] * direction(grad[at], ball.norm))
            if k:
                pull = _ALPHA * (stepped - points[at]) + (1 - _ALPHA) * (points[at] - before[at])
                stepped = ball.project(points[at] + pull)
            before[at], points[at] = points[at], stepped

    def _note(self, at: Tensor, points: Tensor, here: Slopes) -> None:
        self.rises[at] += here.value > self.value[at]
        self.value[at] = here.value
        better = at[here.value > self.best_value[at]]
        fresh = here.value > self.best_value[at]
        self.best[better], self.best_grad[better] = points[better], here.grad[fresh]
        self.best_value[better] = here.value[fresh]

    def _reconsider(self, at: Tensor, steps: int) -> Tensor:
        """Halve the step of rows that rose too seldom, or not at all since; they go back to their best points."""
        seldom = self.rises[at] < _RHO * steps
        stalled = ~self.halved[at] & (self.best_value[at] <= self.best_before[at])
        back = seldom | stalled
        self.halved[at], self.best_before[at], self.rises[at] = back, self.best_value[at], 0
        self.size[at[back]] /= 2
        return at[back]
