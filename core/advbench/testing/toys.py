"""Contenders, models and defenses with known answers. Their arithmetic is exact on `grid_examples`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from advbench import (
    Access,
    Bounds,
    ChunkLoss,
    Contender,
    ContenderFacts,
    DatasetFacts,
    Draws,
    Examples,
    Job,
    Modality,
    Model,
    Norm,
    State,
    param,
)

BOUNDS = Bounds(-1.0, 3.0)  # not [0, 1], so that a clip that was written for [0, 1] shows
STEP = 1 / 64  # of the grid
_GRADIENTS = ContenderFacts(access=Access.GRADIENTS, gradients=("exact",), float64=True)


def grid_examples(n: int, features: int = 4, *, seed: int = 0, first_id: int = 100) -> Examples:
    """Points of [-1, 3] that are multiples of 1/64: sums of a few are exact. y: is the first number above 1?"""
    generator = torch.Generator().manual_seed(seed)
    whole = torch.randint(-64, 193, (n, features), generator=generator)
    x = whole * STEP
    return Examples(ids=torch.arange(first_id, first_id + n), x=x, y=(x[:, 0] > 1).long())


def grid_facts(features: int = 4, classes: int = 2) -> DatasetFacts:
    """The facts of a data set of such points."""
    return DatasetFacts(modality=Modality.TABULAR, shape=(features,), classes=classes, bounds=BOUNDS, digest="grid")


class _Toy:
    """Labels, gradient and state from `scores`; subclasses write that."""

    facts = _GRADIENTS

    def scores(self, x: Any, *, noise: Draws | None = None) -> Tensor:
        raise NotImplementedError

    def labels(self, x: Any, *, noise: Draws | None = None) -> Tensor:
        return self.scores(x, noise=noise).detach().argmax(dim=1)

    def value_and_grad(
        self, x: Tensor, loss: ChunkLoss, *, gradient: str, noise: Draws | None = None
    ) -> tuple[Tensor, Tensor]:
        x = x.detach().requires_grad_(True)
        with torch.enable_grad():
            value = loss(self._smooth(x, gradient, noise))
            (grad,) = torch.autograd.grad(value.sum(), x)
        return value.detach(), grad

    def state(self) -> State:
        return State({}, {})

    def _smooth(self, x: Tensor, gradient: str, noise: Draws | None) -> Tensor:
        return self.scores(x, noise=noise)


class ThresholdContender(_Toy):
    """Class 1 where the first number exceeds `threshold`; the other numbers mean nothing."""

    def __init__(self, threshold: float = 1.0) -> None:
        self.threshold = threshold

    def scores(self, x: Tensor, *, noise: Draws | None = None) -> Tensor:
        above = x.flatten(1)[:, 0] - self.threshold
        return torch.stack([torch.zeros_like(above), above], dim=1)

    def smallest_change(self, x: Tensor) -> Tensor:
        """Infimum of the change that flips each row, float64 (N,), equal in L1, L2 and Linf."""
        change: Tensor = (x.flatten(1)[:, 0].double() - self.threshold).abs()
        return change


class LinearContender(_Toy):
    """Class 1 where x . weights + bias > 0; the smallest change has a closed form."""

    def __init__(self, weights: tuple[float, ...] = (1.0, -2.0, 0.5, 0.25), bias: float = -0.5) -> None:
        self.weights, self.bias = torch.tensor(weights), bias

    def scores(self, x: Tensor, *, noise: Draws | None = None) -> Tensor:
        value = self._value(x)
        return torch.stack([torch.zeros_like(value), value], dim=1)

    def smallest_change(self, x: Tensor, norm: Norm) -> Tensor:
        """Infimum of the change that flips each row if nothing bounds it, float64 (N,)."""
        weights = self.weights.double().abs()
        dual = {Norm.L1: weights.amax(), Norm.L2: weights.norm(), Norm.LINF: weights.sum()}[norm]
        change: Tensor = self._value(x.double()).abs() / dual
        return change

    def _value(self, x: Tensor) -> Tensor:
        return (x.flatten(1) * self.weights.to(x)).sum(dim=1) + self.bias


class ConstantContender(_Toy):
    """Always says `label`: nothing can be gained."""

    def __init__(self, label: int = 0, classes: int = 2) -> None:
        self.label, self.classes = label, classes

    def scores(self, x: Tensor, *, noise: Draws | None = None) -> Tensor:
        own = torch.eye(self.classes, dtype=x.dtype)[self.label]
        return own + 0 * x.flatten(1).sum(dim=1, keepdim=True)  # so that it has a gradient: zero


class LabelsOnly:
    """Another contender, of which only labels are shown."""

    def __init__(self, inner: Contender) -> None:
        self._inner = inner
        self.facts = replace(inner.facts, access=Access.LABELS, gradients=())

    def labels(self, x: Any, *, noise: Draws | None = None) -> Tensor:
        return self._inner.labels(x, noise=noise)

    def state(self) -> State:
        return self._inner.state()


class NoisyContender(ThresholdContender):
    """Adds `scale` times a normal number to the first number: P(class 1) = Phi((x_0 - threshold) / scale)."""

    facts = replace(_GRADIENTS, stochastic=True)

    def __init__(self, scale: float = 0.25, threshold: float = 1.0) -> None:
        super().__init__(threshold)
        self.scale = scale

    def scores(self, x: Tensor, *, noise: Draws | None = None) -> Tensor:
        assert noise is not None
        flat = x.flatten(1)
        return super().scores(flat[:, :1] + self.scale * noise.normal((1,)).to(x.dtype))

    def flips(self, x: Tensor) -> Tensor:
        """Probability of class 1, float64 (N,)."""
        above = (x.flatten(1)[:, 0].double() - self.threshold) / self.scale
        probability: Tensor = torch.special.ndtr(above)
        return probability


class AbstainingContender(ThresholdContender):
    """Abstains where the second number exceeds `limit`, whatever its scores say."""

    def __init__(self, limit: float = 2.0, threshold: float = 1.0) -> None:
        super().__init__(threshold)
        self.limit = limit

    def labels(self, x: Tensor, *, noise: Draws | None = None) -> Tensor:
        return super().labels(x).masked_fill(x.flatten(1)[:, 1] > self.limit, -1)


class TextContender(_Toy):
    """Class 1 where more than half of the words are `good`."""

    facts = ContenderFacts(access=Access.SCORES)

    def scores(self, x: tuple[str, ...], *, noise: Draws | None = None) -> Tensor:
        share = torch.tensor([text.split().count("good") / max(1, len(text.split())) for text in x])
        return torch.stack([torch.full_like(share, 0.5), share], dim=1)


class SurrogateContender(ThresholdContender):
    """Shows hard scores, flat almost everywhere, and two smooth stand-ins named by their width."""

    facts = ContenderFacts(
        access=Access.GRADIENTS, gradients=("surrogate/tau=.5", "surrogate/tau=2"), largest_margin=1.0
    )

    def scores(self, x: Tensor, *, noise: Draws | None = None) -> Tensor:
        return torch.eye(2)[(x.flatten(1)[:, 0] > self.threshold).long()]

    def _smooth(self, x: Tensor, gradient: str, noise: Draws | None) -> Tensor:
        tau = float(gradient.rpartition("=")[2])
        return ThresholdContender.scores(self, x) / tau


class NeighbourlyContender(ThresholdContender):
    """Its scores depend, in the last bits, on how many rows are asked together."""

    def scores(self, x: Tensor, *, noise: Draws | None = None) -> Tensor:
        return super().scores(x) * (1 + 1e-6 * len(x))


class TreeContender(_Toy):
    """Walks a tree of questions {feature, above, low, high}; leaves are classes."""

    facts = ContenderFacts(access=Access.SCORES, largest_margin=1.0)

    def __init__(self, tree: Mapping[str, Any], classes: int) -> None:
        self.tree, self.classes = tree, classes

    def scores(self, x: Tensor, *, noise: Draws | None = None) -> Tensor:
        leaves = [self._leaf(row) for row in x.flatten(1).tolist()]
        return torch.eye(self.classes)[torch.tensor(leaves, dtype=torch.int64)]

    def state(self) -> State:
        return State({"classes": torch.tensor(self.classes)}, {"tree": self.tree})

    def _leaf(self, row: list[float]) -> int:
        node: Any = self.tree
        while not isinstance(node, int):
            node = node["high" if row[node["feature"]] > node["above"] else "low"]
        return node


@dataclass(frozen=True)
class TreeModel:
    """Splits at medians, feature after feature; its state is a tree, not an array."""

    depth: int = param(3, ge=0, help="questions on the way to a leaf")

    def facts(self) -> ContenderFacts:
        return TreeContender.facts

    def build(self, job: Job) -> None:
        """It has no torch network."""

    def fit(self, job: Job) -> TreeContender:
        assert isinstance(job.train.x, Tensor)
        return TreeContender(self._grow(job.train.x.flatten(1), job.train.y, 0), job.facts.classes)

    def restore(self, state: State, job: Job) -> TreeContender:
        return TreeContender(state.meta["tree"], int(state.arrays["classes"]))

    def _grow(self, x: Tensor, y: Tensor, level: int) -> Any:
        if level == self.depth or not len(y) or bool((y == y[0]).all()):
            return int(y.mode().values) if len(y) else 0
        feature = level % x.shape[1]
        above = float(x[:, feature].median())
        high = x[:, feature] > above
        low, up = (self._grow(x[side], y[side], level + 1) for side in (~high, high))
        return {"feature": feature, "above": above, "low": low, "high": up}


class RoundingContender:
    """Another contender behind inputs rounded to multiples of `step`; shows what that one shows, but no gradient."""

    def __init__(self, inner: Contender, step: float) -> None:
        self.inner, self.step = inner, step
        self.facts = replace(inner.facts, access=min(inner.facts.access, Access.SCORES), gradients=())

    def labels(self, x: Tensor, *, noise: Draws | None = None) -> Tensor:
        return self.inner.labels(self._rounded(x), noise=noise)

    def scores(self, x: Tensor, *, noise: Draws | None = None) -> Tensor:
        return self.inner.scores(self._rounded(x), noise=noise)

    def state(self) -> State:
        inner = self.inner.state()
        return State(dict(inner.arrays), {"step": self.step, "inner": dict(inner.meta)})

    def _rounded(self, x: Tensor) -> Tensor:
        return (x / self.step).round() * self.step


@dataclass(frozen=True)
class RoundingDefense:
    """Wraps a trained contender; its state holds that one's."""

    step: float = param(0.25, gt=0, unit="input units", help="inputs are rounded to multiples of it")

    def facts(self, base: ContenderFacts | None) -> ContenderFacts:
        assert base is not None
        return replace(base, access=min(base.access, Access.SCORES), gradients=())

    def protect(self, base: Contender, job: Job) -> RoundingContender:
        return RoundingContender(base, self.step)

    def restore(self, base: Model, state: State, job: Job) -> RoundingContender:
        inner = base.restore(State(state.arrays, state.meta["inner"]), job)
        return RoundingContender(inner, state.meta["step"])
