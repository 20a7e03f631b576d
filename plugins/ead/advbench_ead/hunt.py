"""The attack's dealings with its oracle, and the best successes so far by each of three rules."""

from __future__ import annotations

import contextlib
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from advbench import BudgetSpent, GradientOracle, Perturbed

RULES = ("en", "l1", "l2")


class Slopes(NamedTuple):
    """Of M points: the margin (M,), its gradient (M, d), and whether that leads anywhere (M,).

    hit: bool (M,), whether the point met the goal; all false unless that was to be told.
    """

    margin: Tensor
    grad: Tensor
    steep: Tensor
    hit: Tensor


class Hunt:
    """Rows are those of the oracle, flat (N, d). Sizes count in units of the range of the inputs.

    kappa: the least margin, in log-odds, of a success that counts.
    """

    def __init__(self, oracle: GradientOracle, x: Tensor, beta: float, kappa: float) -> None:
        self.oracle, self.shape, self.beta, self.kappa = oracle, tuple(x.shape[1:]), beta, kappa
        self.x0 = x.flatten(1)
        self.width = oracle.bounds.width if oracle.bounds else 1.0
        # Per rule the smallest size of a success, and that success.
        self.size = torch.full((len(RULES), len(x)), torch.inf, dtype=x.dtype, device=x.device)
        self.best = self.x0.repeat(len(RULES), 1, 1)
        goal = oracle.goal
        self._named = goal.y if goal.target is None else goal.target
        self._is_named = F.one_hot(self._named, oracle.classes).bool()
        # Rows that had a gradient, that had one that leads anywhere, and that had one that is no number.
        self._asked, self._signal, self._lost = (
            torch.zeros(len(x), dtype=torch.bool, device=x.device) for _ in range(3)
        )

    @property
    def live(self) -> Tensor:
        """bool (N,): rows still worth asking about: not those whose input itself meets the goal."""
        return self.oracle.live & ~self._lost & (self.size[0] > 0)

    def patient(self, steps: int) -> Tensor:
        """bool (N,): rows whose iterates may go unasked for that many steps, to be asked about together.

        Not where a first success ends the row, where the budget may run out before, or where the noise
        of an answer depends on its number.
        """
        oracle, threat = self.oracle, self.oracle.threat
        if oracle.stochastic or not (threat.eps is None or threat.refine):
            return torch.zeros_like(self._lost)
        return (oracle.left() >= steps * (1 + threat.eot)) & (oracle.gradients_left() >= steps)

    def slopes(self, points: Tensor, rows: Tensor, tell: bool) -> Slopes:
        """The margin's gradient at points (M, d), and if to `tell`, what met the goal; one query and one gradient."""
        answered, hit = (torch.zeros(len(rows), dtype=torch.bool, device=points.device) for _ in range(2))

        def loss(scores: Tensor, index: Tensor) -> Tensor:
            answered[index] = True
            value = self._margin(scores, rows[index])
            if tell:
                hit[index] = self._met(scores.detach(), value.detach(), rows[index])
            return value

        points = self._inside(points)
        try:
            value, grad = self.oracle.value_and_grad(self._shaped(points), loss, rows)
        except BudgetSpent:  # of these rows; others, who sit this call out, may go on
            value, grad = points.new_zeros(len(rows)), torch.zeros_like(points)
        grad = grad.flatten(1)
        steepest = grad.abs().amax(dim=1)
        finite = steepest.isfinite()
        if not bool(finite.all()):
            grad, steepest = grad.where(finite[:, None], 0.0), steepest.where(finite, 0.0)
            self._lost[rows[~finite]] = True
        steep = steepest > 0
        self._asked[rows] |= answered
        self._signal[rows] |= steep
        return Slopes(value, grad, steep, hit)

    def look(self, points: Tensor, rows: Tensor, found: Tensor, hit: Tensor | None = None) -> Tensor:
        """bool (M,): which met the goal? Note successes among points (M, d), inside the bounds.

        One query each, unless `hit` tells, but none for points that could change nothing: of rows that
        had been `found` (M,), and larger by every rule than what they have. Rows may repeat.
        """
        sizes = self._sizes(points - self.x0[rows])
        better = sizes < self.size[:, rows]
        if hit is None:
            at = ((~found | better.any(dim=0)) & self.oracle.live[rows]).nonzero().flatten()
            hit = torch.zeros_like(found)
            if len(at):
                hit[at] = self._test(points[at], rows[at])
        better &= hit
        if bool(better.any()):
            for rule, of in enumerate(better):
                at = _smallest_per_row(of.nonzero().flatten(), rows, sizes[rule])
                self.size[rule, rows[at]], self.best[rule, rows[at]] = sizes[rule, at], points[at]
        return hit

    @property
    def smooth(self) -> bool:
        """Whether scores belong to the contender itself, so that a gradient's answer proves success."""
        return self.oracle.threat.gradient == "exact"

    def answer(self, rule: str, c: Tensor) -> Perturbed:
        """The smallest successes by that rule. Notes: of each rule's, l1, l2 and linf; `c` (N,) as given."""
        found = self.size[0].isfinite()
        notes = {"c": c}
        for name, best in zip(RULES, self.best, strict=True):
            change = (best - self.x0).double()
            for norm, size in (("l1", change.abs().sum(1)), ("l2", change.norm(dim=1)), ("linf", change.abs().amax(1))):
                notes[f"{name}_{norm}"] = torch.where(found, size, torch.nan)
        blind = ((self._asked & ~self._signal) | self._lost) & ~found
        return Perturbed(self._shaped(self.best[RULES.index(rule)]), notes, blind)

    def _test(self, points: Tensor, rows: Tensor) -> Tensor:
        hit = torch.zeros(len(rows), dtype=torch.bool, device=points.device)
        asked = self._shaped(points)
        with contextlib.suppress(BudgetSpent):
            if not self.kappa:
                return self.oracle.goal.met(self.oracle.labels(asked, rows), rows)
            scores = self.oracle.scores(asked, rows)
            return self._met(scores, self._margin(scores, rows), rows)
        return hit

    def _met(self, scores: Tensor, margin: Tensor, rows: Tensor) -> Tensor:
        return self.oracle.goal.met(scores.argmax(dim=1), rows) & (margin >= self.kappa)

    def _margin(self, scores: Tensor, rows: Tensor) -> Tensor:
        """How far the goal leads, in log-odds (thesis, equation 9, with the other sign)."""
        others = scores.masked_fill(self._is_named[rows], -torch.inf).amax(dim=1)
        lead = scores.gather(1, self._named[rows, None])[:, 0] - others
        return -lead if self.oracle.goal.target is None else lead

    def _sizes(self, change: Tensor) -> Tensor:
        """By each rule, (3, R)."""
        l1 = change.abs().sum(dim=1) / self.width
        l2 = change.square().sum(dim=1) / self.width**2
        return torch.stack([self.beta * l1 + l2, l1, l2])

    def _inside(self, points: Tensor) -> Tensor:
        return points if self.oracle.bounds is None else self.oracle.bounds.clip(points)

    def _shaped(self, points: Tensor) -> Tensor:
        return points.reshape(-1, *self.shape)


def _smallest_per_row(at: Tensor, rows: Tensor, size: Tensor) -> Tensor:
    """Of the positions `at`, one for each row: where its size (M,) is least; of equals the first."""
    order = at[size[at].argsort(stable=True)]
    order = order[rows[order].argsort(stable=True)]
    first = torch.ones_like(order, dtype=torch.bool)
    first[1:] = rows[order[1:]] != rows[order[:-1]]
    return order[first]
