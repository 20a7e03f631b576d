"""Feature squeezing: a detector that compares a model's answers with and without squeezing its input."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import torch
from torch import Tensor

from advbench import (
    Access,
    Bounds,
    ChunkLoss,
    Contender,
    ContenderFacts,
    DataError,
    DatasetFacts,
    Draws,
    Job,
    Model,
    RequestError,
    State,
    param,
)

from .squeezers import BitDepth, Median, NonLocalMeans

Squeezer: TypeAlias = Callable[[Tensor, bool], Tensor]
JOINT = "surrogate/joint"
_ABSTAINS = -1
_CHUNK = 128


class Detector:
    """Labels of the base, or -1 where an answer changes by more than `threshold` when its input is squeezed."""

    def __init__(
        self, base: Contender, facts: ContenderFacts, squeezers: Sequence[Squeezer], threshold: float = math.inf
    ) -> None:
        self.base, self.facts, self.squeezers, self.threshold = base, facts, squeezers, threshold

    def labels(self, x: Tensor, *, noise: Draws | None = None) -> Tensor:
        """int64 (N,); -1 = abstained."""
        labels = self.base.labels(x, noise=noise)
        return torch.where(self.distances(x, noise=noise) > self.threshold, _ABSTAINS, labels)

    def scores(self, x: Tensor, *, noise: Draws | None = None) -> Tensor:
        """The base's, (N, K), whether it abstains or not."""
        return self.base.scores(x, noise=noise)

    def distances(self, x: Tensor, *, noise: Draws | None = None) -> Tensor:
        """(N,), 0 to 2: the largest L1 distance of probabilities with and without a squeezer."""
        plain = self.base.scores(x, noise=noise).softmax(dim=1)
        moved = [
            (self.base.scores(squeeze(x, False), noise=noise).softmax(dim=1) - plain).abs().sum(dim=1)
            for squeeze in self.squeezers
        ]
        return torch.stack(moved).amax(dim=0)

    def state(self) -> State:
        """The base's, and the threshold."""
        base = self.base.state()
        return State(base.arrays, {"threshold": self.threshold, "base": dict(base.meta)})


class SlopingDetector(Detector):
    """With the gradients of its base and one more.

    The base's take no notice of the detector. `surrogate/joint` is that of the mean log-probability at the input
    and at its squeezed versions, with smooth rounding and means for medians: who moves all of them to one class
    passes the detector.
    """

    def value_and_grad(
        self, x: Tensor, loss: ChunkLoss, *, gradient: str, noise: Draws | None = None
    ) -> tuple[Tensor, Tensor]:
        if gradient != JOINT:
            return self.base.value_and_grad(x, loss, gradient=gradient, noise=noise)
        x = x.detach()
        with torch.enable_grad():
            own = x.requires_grad_(True)
            views = [own, *(squeeze(own, True) for squeeze in self.squeezers)]
            logs = torch.stack([self._logs(view.detach(), noise) for view in views])
            mean = logs.mean(dim=0).requires_grad_(True)
            value = loss(mean)
            (slope,) = torch.autograd.grad(value.sum(), mean)
            slopes = [self._slope(view.detach(), slope / len(views), noise) for view in views]
            (through,) = torch.autograd.grad(views[1:], own, slopes[1:])
        return value.detach(), slopes[0] + through

    def _logs(self, x: Tensor, noise: Draws | None) -> Tensor:
        """Log-probabilities of the scores that the base's gradient comes with, which need not be those it shows."""
        kept: list[Tensor] = []

        def look(scores: Tensor) -> Tensor:
            kept.append(scores.detach())
            return scores.sum(dim=1)

        self.base.value_and_grad(x, look, gradient=self.base.facts.gradients[0], noise=noise)
        return kept[0].log_softmax(dim=1)

    def _slope(self, x: Tensor, slope: Tensor, noise: Draws | None) -> Tensor:
        def along(scores: Tensor) -> Tensor:
            return (scores.log_softmax(dim=1) * slope).sum(dim=1)

        return self.base.value_and_grad(x, along, gradient=self.base.facts.gradients[0], noise=noise)[1]


@dataclass(frozen=True)
class FeatureSqueezing:
    """The joint detector of Xu et al. 2018, section V: the largest distance over all squeezers decides."""

    bits: int = param(1, ge=0, le=8, paper="1 MNIST, 5 CIFAR-10 and ImageNet", help="kept per number; 0: no such one")
    median: int = param(2, ge=0, help="side of the neighbourhood whose median is taken; 0: no such squeezer")
    strength: float = param(
        0.0, ge=0, unit="grey levels of 255", paper="2 CIFAR-10, 4 ImageNet", help="of non-local means; 0: no such one"
    )
    search: int = param(13, ge=1, paper="13 CIFAR-10, 11 ImageNet", help="non-local means: side of the window, odd")
    patch: int = param(3, ge=1, help="non-local means: side of the patches compared, odd")
    fpr: float = param(0.05, ge=0, lt=1, help="largest share of clean tune examples that may be rejected")

    def __post_init__(self) -> None:
        if not (self.bits or self.median > 1 or self.strength):
            raise ValueError("bits, median or strength must name a squeezer, got none. Leave one as it was.")
        for name in ("search", "patch"):
            if getattr(self, name) % 2 == 0:
                raise ValueError(f"{name} must be odd, got {getattr(self, name)}. Pixels lie in the middle.")

    def facts(self, base: ContenderFacts | None) -> ContenderFacts:
        assert base is not None  # the spec says base="trained"
        if base.access < Access.SCORES:
            raise RequestError(
                "feature-squeezing: its model must offer scores, got labels alone. Choose a model with scores."
            )
        if base.stochastic:
            raise RequestError(
                "feature-squeezing: its model must always answer alike, got one that draws noise. Choose another: its"
                " threshold would be of the noise."
            )
        return replace(base, gradients=(*base.gradients, JOINT) if base.gradients else ())

    def protect(self, base: Contender, job: Job) -> Detector:
        x = job.tune.x
        if isinstance(x, tuple) or not len(x):
            raise DataError("feature-squeezing: tune must be pictures, got none. Its threshold comes from them.")
        detector = self._contender(base, job.facts, math.inf)
        found: list[Tensor] = []
        parts = torch.split(x.to(job.device), _CHUNK)
        for done, part in enumerate(parts, start=1):
            found.append(detector.distances(part))
            job.progress(done, len(parts))
        ordered = torch.cat(found).sort().values
        detector.threshold = float(ordered[math.ceil(len(ordered) * (1 - self.fpr)) - 1])
        return detector

    def restore(self, base: Model, state: State, job: Job) -> Detector:
        below = base.restore(State(state.arrays, state.meta["base"]), job)
        return self._contender(below, job.facts, state.meta["threshold"])

    def _contender(self, base: Contender, facts: DatasetFacts, threshold: float) -> Detector:
        assert facts.bounds is not None  # pictures have bounds
        kind = SlopingDetector if base.facts.gradients else Detector
        return kind(base, self.facts(base.facts), self._squeezers(facts.bounds), threshold)

    def _squeezers(self, bounds: Bounds) -> list[Squeezer]:
        found: list[Squeezer] = [BitDepth(bounds, self.bits)] if self.bits else []
        found += [Median(self.median)] if self.median > 1 else []
        found += [NonLocalMeans(bounds, self.search, self.patch, self.strength)] if self.strength else []
        return found
