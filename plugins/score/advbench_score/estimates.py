"""NES and SPSA: descent along gradients that are estimated from scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from advbench import Perturbed, ScoreOracle, Streams, param

from .losses import LOSS_HELP, loss_for
from .pursuit import Pursuit
from .slopes import Directions, ladder, slopes, wide_enough
from .steppers import Adam, Momentum, Stepper

_SHRINK_HELP = "without eps or with --refine: the next radius, as a share of the distance reached"
_ITERATIONS_HELP = "gradients per example; none: what the budget pays for"
_RATE_HELP = "length of a step as a share of the radius, in linf of every feature"


@dataclass(frozen=True)
class Nes:
    """Projected descent along natural evolution strategies' gradients (Ilyas et al. 2018, Algorithm 1)."""

    sigma: float | Literal["auto"] = param(
        "auto", gt=0, unit="input units", paper=0.001,
        help="spread of the pairs; auto: the least of .001, .01, .05, .2 of the range that scores react to",
    )  # fmt: skip
    samples: int = param(50, ge=2, paper=50, help="points per gradient, in pairs on either side")
    rate: float = param(0.2, gt=0, paper=".01 at eps .05", help=_RATE_HELP + "; halved where the loss stays")
    momentum: float = param(0.9, ge=0, lt=1, paper=0.9, help="share of the running mean of gradients that is kept")
    iterations: int | None = param(None, ge=1, help=_ITERATIONS_HELP)
    loss: Literal["auto", "margin", "ce"] = param("auto", paper="ce", help=LOSS_HELP)
    shrink: float = param(0.9, gt=0, lt=1, help=_SHRINK_HELP)

    def perturb(self, oracle: ScoreOracle, x: Tensor, rng: Streams) -> Perturbed:
        """`samples` queries per gradient and one, or 8 if answers change by themselves, per point."""
        pursuit = Pursuit(oracle, x, loss_for(self.loss, oracle.classes, oracle.goal.target is not None), self.shrink)
        widths = ladder(0.001, pursuit.width) if self.sigma == "auto" else (self.sigma,)
        stepper = Momentum(pursuit.x0, pursuit.norm, self.rate, self.momentum)
        return _descend(pursuit, stepper, widths, self.samples // 2, self.iterations, "normal", rng)


@dataclass(frozen=True)
class Spsa:
    """Adam along simultaneous perturbations' gradients (Uesato et al. 2018; Spall 1992)."""

    delta: float | Literal["auto"] = param(
        "auto", gt=0, unit="input units", paper=0.01,
        help="step of either side; auto: the least of .01, .05, .2 of the range that scores react to",
    )  # fmt: skip
    samples: int = param(128, ge=2, paper="128 to 8192", help="points per gradient, in pairs on either side")
    rate: float = param(1 / 3, gt=0, paper=".01 at eps 8/255", help=_RATE_HELP)
    iterations: int | None = param(None, ge=1, help=_ITERATIONS_HELP)
    loss: Literal["auto", "margin", "ce"] = param("auto", paper="margin", help=LOSS_HELP)
    shrink: float = param(0.9, gt=0, lt=1, help=_SHRINK_HELP)

    def perturb(self, oracle: ScoreOracle, x: Tensor, rng: Streams) -> Perturbed:
        """`samples` queries per gradient and one, or 8 if answers change by themselves, per point."""
        pursuit = Pursuit(oracle, x, loss_for(self.loss, oracle.classes, oracle.goal.target is not None), self.shrink)
        widths = ladder(0.01, pursuit.width) if self.delta == "auto" else (self.delta,)
        stepper = Adam(pursuit.x0, pursuit.norm, self.rate)
        return _descend(pursuit, stepper, widths, self.samples // 2, self.iterations, "signs", rng)


def _descend(
    pursuit: Pursuit, stepper: Stepper, widths: tuple[float, ...], pairs: int, iterations: int | None,
    kind: Directions, rng: Streams,
) -> Perturbed:  # fmt: skip
    """Look, and where the goal is missed, take a step; every row at its own pace."""
    inquiry, oracle, points = pursuit.inquiry, pursuit.oracle, pursuit.x0.clone()
    width = _begin(pursuit, widths, kind, rng)
    taken = torch.zeros(len(points), dtype=torch.int64, device=points.device)
    most = pursuit.steps(iterations, 2 * pairs + inquiry.repeats)
    while len(rows := pursuit.rows(inquiry.repeats)):
        loss, won = pursuit.look(points[rows], rows)
        nearer = rows[won]  # where the ball has become smaller, its own point is looked at next
        points[nearer] = pursuit.project(points[nearer], nearer)
        stepper.narrowed(nearer)
        missed = ~won & oracle.live[rows]
        pursuit.over[rows[missed & (taken[rows] >= most[rows])]] = True
        going = missed & ~pursuit.over[rows]
        payable = oracle.left()[rows] >= 2 * pairs
        oracle.out_of_budget(rows[going & ~payable])
        rows, loss = rows[going & payable], loss[going & payable]
        if len(rows):
            slope = slopes(pursuit, points[rows], rows, width[rows], pairs, kind, rng)
            change = stepper.step(rows, slope, loss) * pursuit.radius[rows, None]
            points[rows] = pursuit.project(points[rows] + change, rows)
            taken[rows] += 1
    return pursuit.answer()


def _begin(pursuit: Pursuit, widths: tuple[float, ...], kind: Directions, rng: Streams) -> Tensor:
    """Look at the inputs twice, to hear whether answers stay, and choose the width of the pairs, (N,)."""
    rows = pursuit.rows(pursuit.inquiry.repeats)
    if len(rows):
        loss, won = pursuit.look(pursuit.x0[rows], rows)
        rows, loss = rows[~won], loss[~won]
        pursuit.inquiry.listen(pursuit.x0[rows], rows, loss)
    return wide_enough(pursuit, rows, widths, kind, rng)
