"""The defense: a network of RBFI units, trained on plain examples."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from advbench import Access, Bounds, ContenderFacts, ContestError, DataError, Job, State, param

from .contender import RbfiContender
from .geometry import LayerShape, parse
from .network import Derivatives, Range, RbfiNetwork
from .reach import Norm
from .training import Recipe, train

_FACTS = ContenderFacts(access=Access.GRADIENTS, gradients=("exact", "surrogate"), float64=True, loss="square", pad=1)
_UNIT = Bounds(0.0, 1.0)


@dataclass(frozen=True)
class Rbfi:
    """A network of RBFI units (arXiv 1809.09262). Inputs are scaled to [0, 1] by the bounds of the data."""

    geometry: str = param(
        "512^,512v,512^,v",
        positional=True,
        paper="512^,512v,512^,10v",
        help="layers of And (^), Or (v) or mixed (*) units; without a number the last has one per class",
    )
    norm: Norm = param("linf", help="distance inside a unit: linf is RBFI, l2 the classical RBF of section 6.9")  # noqa: RUF009
    gradient: Literal["pseudo", "pseudo-exp", "pseudo-max", "true"] = param(
        "pseudo", help="what training follows: both pseudoderivatives, one of them, or none"
    )
    alpha: float = param(0.5, ge=0, help="pseudoderivative of exp(-z): -(1 + z)^-alpha (eq. 9)")
    k: float = param(1.0, ge=0, help="pseudoderivative of the maximum y: exp(k (z - y)) (eq. 11)")
    u_low: float = param(0.01, ge=0, help="least scaling factor")
    u_high: float = param(3.0, gt=0, help="largest scaling factor; the smaller, the less an input can do")
    w_low: float = param(0.0, help="least coordinate of a centre, in inputs scaled to [0, 1]")
    w_high: float = param(1.0, help="largest coordinate of a centre")
    epochs: int = param(30, ge=1, help="passes over the training split")
    batch: int = param(100, ge=1, paper="not given", help="examples per step; the released code has 100")
    learning_rate: float = param(5.0, gt=0, paper="not given", help="AdaDelta's factor; the released code has 5")
    sensitivity: float = param(0.0, ge=0, help="weight c of the sensitivity bound in the loss (eq. 8)")

    def __post_init__(self) -> None:
        parse(self.geometry)
        for low, high in (("u_low", "u_high"), ("w_low", "w_high")):
            if getattr(self, low) > getattr(self, high):
                got = f"{getattr(self, low):g} and {getattr(self, high):g}"
                raise ValueError(f"{low} must be at most {high}, got {got}. Exchange them.")
            for name in (low, high):
                if not math.isfinite(getattr(self, name)):
                    raise ValueError(f"{name} must be finite, got {getattr(self, name)}. Give a number.")

    def facts(self, base: ContenderFacts | None) -> ContenderFacts:
        return _FACTS

    def protect(self, base: None, job: Job) -> RbfiContender:
        if isinstance(job.train.x, tuple):
            raise DataError("rbfi: inputs must be numbers, got text. Give an encoder.")
        if not bool(job.train.x.isfinite().all()):
            raise DataError("rbfi: inputs must be finite, got NaN or infinity. Clean or scale the data.")
        network = self._network(job).to(job.device)
        train(network, self._recipe(), job)
        return self._contender(network, job)

    def restore(self, base: None, state: State, job: Job) -> RbfiContender:
        network = self._network(job)
        network.load_state_dict(dict(state.arrays))
        return self._contender(network.to(job.device), job)

    def _contender(self, network: RbfiNetwork, job: Job) -> RbfiContender:
        return RbfiContender(network, _FACTS, Derivatives(self.alpha, self.k), job.facts.bounds or _UNIT)

    def _network(self, job: Job) -> RbfiNetwork:
        shapes = parse(self.geometry)
        self._check_last(shapes[-1], job.facts.classes)
        bounds = job.facts.bounds or _UNIT
        return RbfiNetwork(
            job.facts.features, shapes, job.facts.classes, self.norm, self._span(), (bounds.low, bounds.high),
            job.rng.child("init").generator(),
        )  # fmt: skip

    def _check_last(self, last: LayerShape, classes: int) -> None:
        if last.units not in (None, classes):
            raise ContestError(
                f"rbfi: the last layer of geometry must have {classes} units, one per class, got {last.units} in"
                f" '{self.geometry}'. Leave that number out, or write {classes}{last.kind}."
            )

    def _span(self) -> Range:
        return Range(self.u_low, self.u_high, self.w_low, self.w_high)

    def _recipe(self) -> Recipe:
        pseudo = self.gradient.split("-") if self.gradient != "true" else []
        by = Derivatives(
            alpha=self.alpha if pseudo in (["pseudo"], ["pseudo", "exp"]) else None,
            k=self.k if pseudo in (["pseudo"], ["pseudo", "max"]) else None,
        )
        return Recipe(
            epochs=self.epochs, batch=self.batch, learning_rate=self.learning_rate, sensitivity=self.sensitivity,
            by=by, span=self._span(),
        )  # fmt: skip
