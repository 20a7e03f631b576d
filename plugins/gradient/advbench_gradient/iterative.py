"""Many small steps inside the ball: I-FGSM, PGD, MIM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from advbench import Access, AttackFacts, ContestError, GradientOracle, Norm, Perturbed, Streams, param

from .ascent import AdaDelta, Momentum, Plain, Stepper, ascend
from .hunt import Hunt
from .losses import LOSS_HELP, LOSSES, gain_for, lead_for, least_classes
from .norms import Ball
from .radius import attempts

_MADRY = 2.5  # times eps is the length of all steps together: any point of the ball can be reached and left


@dataclass(frozen=True)
class Ifgsm:
    """FGSM in `steps` steps of eps / steps (Kurakin et al. 2017); also in L1 and L2, as thesis Table 6 has it."""

    steps: int = param(10, ge=1, paper=10, help="gradients per eps")
    loss: str = param("auto", choices=LOSSES, paper="ce", help=LOSS_HELP)
    searches: int = param(15, ge=1, help="without eps: values tried, by bisection")
    grid: int = param(0, ge=0, paper=1000, help="without eps: try this many evenly spaced values instead; 0: bisect")
    top: float | None = param(
        None, gt=0, unit="input units", paper="1 linf, 10 l2, 1000 l1",
        help="largest eps of the grid; none: the longest change inside the bounds",
    )  # fmt: skip
    returns: str = param(
        "success",
        choices=("success", "last"),
        help="last: within an eps, the end point whatever it reached, for training against and for transfer",
    )

    def facts(self) -> AttackFacts:
        return _facts(self.loss, Norm.L1, Norm.L2, Norm.LINF)

    def perturb(self, oracle: GradientOracle, x: Tensor, rng: Streams) -> Perturbed:
        """`steps` gradients and a query per eps."""
        hunt, end = Hunt(oracle, x, lead=lead_for(self.loss)), x.flatten(1).clone()

        def attempt(eps: Tensor, rows: Tensor) -> None:
            ball = Ball(hunt.norm, hunt.x0[rows], eps, oracle.bounds)
            stepper = Plain(hunt.norm, eps / self.steps, oracle.bounds)
            end[rows] = ascend(hunt, ball, rows, ball.x0, gain_for(self.loss, oracle.loss), stepper, self.steps)

        attempts(hunt, attempt, 1, self.searches, self.grid, self.top)
        return hunt.answer(end if self.returns == "last" and hunt.oracle.threat.eps is not None else None)


@dataclass(frozen=True)
class Pgd:
    """Projected gradient ascent from random starts (Madry et al. 2018)."""

    steps: int = param(100, ge=1, paper=40, help="gradients per start")
    restarts: int = param(5, ge=1, paper=20, help="random starts; rows that fell are left out of later ones")
    step: float | None = param(
        None, gt=0, unit="input units", paper=0.01, help="length of a step; none: 2.5 eps / steps"
    )
    loss: str = param("auto", choices=LOSSES, paper="ce", help=LOSS_HELP)
    optimizer: Literal["steepest", "adadelta"] = param(
        "steepest", help="steps of one length in the norm's steepest direction, or AdaDelta as in rbfi-networks"
    )
    random_start: bool = param(True, help="begin at a random point of the ball, or at the input")
    share: float = param(0.05, gt=0, le=1, help="of the features that an L1 step moves; 1: all, g / |g|_1")
    searches: int = param(15, ge=1, help="without eps: values tried, by bisection, from one start each")
    legacy_box: bool = param(
        False, help="linf: the box of rbfi-networks' released code, x + min(x, eps) to x + min(1 - x, eps)"
    )
    returns: str = param(
        "success",
        choices=("success", "last"),
        help="last: within an eps, the end point whatever it reached, for training against and for transfer",
    )

    def __post_init__(self) -> None:
        if self.restarts > 1 and not self.random_start:
            raise ValueError(f"restarts must be 1 without random_start, got {self.restarts}. They would be equal.")

    def facts(self) -> AttackFacts:
        if self.legacy_box:
            return _facts(self.loss, Norm.LINF)
        return _facts(self.loss, Norm.L1, Norm.L2, Norm.LINF)

    def perturb(self, oracle: GradientOracle, x: Tensor, rng: Streams) -> Perturbed:
        """`steps` gradients and a query per start."""
        if self.legacy_box and oracle.bounds is None:
            raise ContestError("pgd: legacy_box must have bounds, got inputs without. Leave it out.")
        hunt, end = Hunt(oracle, x, lead=lead_for(self.loss)), x.flatten(1).clone()

        def attempt(eps: Tensor, rows: Tensor) -> None:
            ball = Ball(hunt.norm, hunt.x0[rows], eps, oracle.bounds, self.legacy_box)
            start = ball.draw(rng, rows) if self.random_start else ball.project(ball.x0)
            gain = gain_for(self.loss, oracle.loss)
            end[rows] = ascend(hunt, ball, rows, start, gain, self._stepper(oracle, ball), self.steps)

        attempts(hunt, attempt, self.restarts, self.searches)
        return hunt.answer(end if self.returns == "last" and hunt.oracle.threat.eps is not None else None)

    def _stepper(self, oracle: GradientOracle, ball: Ball) -> Stepper:
        if self.optimizer == "adadelta":
            return AdaDelta(ball.x0, oracle.bounds.width if oracle.bounds else 1.0)
        size = _MADRY * ball.eps / self.steps if self.step is None else ball.eps.new_full(ball.eps.shape, self.step)
        return Plain(ball.norm, size, oracle.bounds, self.share)


@dataclass(frozen=True)
class Mim:
    """I-FGSM with momentum (Dong et al. 2018): the steps follow a running sum of normalised gradients."""

    steps: int = param(10, ge=1, paper=10, help="gradients per eps, each followed by a step of eps / steps")
    decay: float = param(1.0, ge=0, paper=1.0, help="share of the sum that is kept (mu)")
    loss: str = param("auto", choices=LOSSES, paper="ce", help=LOSS_HELP)
    searches: int = param(15, ge=1, help="without eps: values tried, by bisection")

    def facts(self) -> AttackFacts:
        return _facts(self.loss, Norm.L2, Norm.LINF)

    def perturb(self, oracle: GradientOracle, x: Tensor, rng: Streams) -> Perturbed:
        """`steps` gradients and a query per eps."""
        hunt = Hunt(oracle, x, lead=lead_for(self.loss))

        def attempt(eps: Tensor, rows: Tensor) -> None:
            ball = Ball(hunt.norm, hunt.x0[rows], eps, oracle.bounds)
            stepper = Momentum(Plain(hunt.norm, eps / self.steps, oracle.bounds), ball.x0, self.decay)
            ascend(hunt, ball, rows, ball.x0, gain_for(self.loss, oracle.loss), stepper, self.steps)

        attempts(hunt, attempt, 1, self.searches)
        return hunt.answer()


def _facts(loss: str, *norms: Norm) -> AttackFacts:
    return AttackFacts(needs=Access.GRADIENTS, norms=frozenset(norms), min_classes=least_classes(loss))
