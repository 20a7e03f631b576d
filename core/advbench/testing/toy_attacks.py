"""Small attacks for tests: honest ones whose end is known, and some that break the rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from advbench import (
    Access,
    AttackFacts,
    Examples,
    GradientOracle,
    LabelOracle,
    Norm,
    Oracle,
    Perturbed,
    State,
    Streams,
    component,
    param,
)


def _clip(oracle: Oracle, x: Tensor) -> Tensor:
    return oracle.bounds.clip(x) if oracle.bounds else x


@dataclass(frozen=True)
class StepAttack:
    """Asks for ever larger changes of the first number, down and up in turn, and returns the last one asked."""

    step: float = param(0.125, gt=0, unit="input units", help="first change, and its growth")
    steps: int = param(32, ge=1, help="pairs of points asked")
    see: Literal["labels", "scores"] = param("labels", help="what is asked for")

    def facts(self) -> AttackFacts:
        needs = Access.LABELS if self.see == "labels" else Access.SCORES
        return AttackFacts(needs=needs, norms=frozenset(Norm))

    def perturb(self, oracle: Any, x: Tensor, rng: Streams) -> Perturbed:
        out = x
        for k in range(2 * self.steps):
            out = x.clone()
            out.flatten(1)[:, 0] += self.step * (k // 2 + 1) * (-1) ** (k + 1)
            out = _clip(oracle, out)
            (oracle.labels if self.see == "labels" else oracle.scores)(out)
        return Perturbed(out)


@dataclass(frozen=True)
class SlopeAttack:
    """Moves against its loss along the gradient, half a unit at a time, and asks for the label of each point."""

    steps: int = param(8, ge=1, help="gradients asked for")

    def perturb(self, oracle: GradientOracle, x: Tensor, rng: Streams) -> Perturbed:
        goal, out = oracle.goal, x.clone()

        def loss(scores: Tensor, index: Tensor) -> Tensor:
            return scores.log_softmax(dim=1).gather(1, goal.y[index].unsqueeze(1)).squeeze(1)

        for _ in range(self.steps):
            if not bool(oracle.live.any()):
                break
            _, grad = oracle.value_and_grad(out, loss)
            out = _clip(oracle, out - 0.5 * grad.sign())
            if bool(oracle.live.any()):
                oracle.labels(out)
        return Perturbed(out)


@dataclass(frozen=True)
class PreparedAttack:
    """Learns from its seeds where each class lies, at one query a seed, and goes to the middle of another."""

    def prepare(self, oracle: LabelOracle, seeds: Examples, rng: Streams) -> State:
        """The mean of the points of each class, as the contender labels them."""
        assert isinstance(seeds.x, Tensor)
        labels = oracle.labels(seeds.x)
        middles = [seeds.x[labels == c] for c in range(oracle.classes)]
        points = [part.mean(dim=0) if len(part) else seeds.x[0] for part in middles]
        return State({"middles": torch.stack(points)}, {"seeds": len(seeds)})

    def perturb(self, oracle: LabelOracle, x: Tensor, rng: Streams) -> Perturbed:
        assert oracle.prepared is not None
        wanted = (oracle.goal.y + 1) % oracle.classes if oracle.goal.target is None else oracle.goal.target
        points = _clip(oracle, oracle.prepared.arrays["middles"].to(x)[wanted])
        oracle.labels(points)
        return Perturbed(points)


@dataclass(frozen=True)
class NestedAttack:
    """Lets the attack in its field do the work."""

    attack: Any = component("attack", default="none", help="who does the work")  # noqa: RUF009

    def perturb(self, oracle: Oracle, x: Any, rng: Streams) -> Perturbed:
        return self.attack.perturb(oracle, x, rng)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class SpendthriftAttack:
    """Never looks at its budget: asks about the unchanged input until it is stopped."""

    def perturb(self, oracle: LabelOracle, x: Tensor, rng: Streams) -> Perturbed:
        while True:
            oracle.labels(x)


@dataclass(frozen=True)
class SilentAttack:
    """Asks nothing and returns x with the first number set to `value`."""

    value: float = param(3.0, help="what the first number becomes")

    def perturb(self, oracle: Oracle, x: Tensor, rng: Streams) -> Perturbed:
        out = x.clone()
        out.flatten(1)[:, 0] = self.value
        return Perturbed(out)


@dataclass(frozen=True)
class BoastfulAttack:
    """Returns its input and notes a success."""

    def perturb(self, oracle: Oracle, x: Tensor, rng: Streams) -> Perturbed:
        return Perturbed(x, notes={"success": torch.ones(len(x))})


@dataclass(frozen=True)
class ScribblingAttack:
    """Writes the answer into its input, so that nothing seems to have changed."""

    value: float = param(3.0, help="what the first number becomes")

    def perturb(self, oracle: Oracle, x: Tensor, rng: Streams) -> Perturbed:
        x.flatten(1)[:, 0] = self.value
        oracle.goal.y.zero_()
        return Perturbed(x)


@dataclass(frozen=True)
class DiggingAttack:
    """Finds the contender inside the oracle and asks it for free."""

    def perturb(self, oracle: LabelOracle, x: Tensor, rng: Streams) -> Perturbed:
        oracle.labels(x)
        for part in vars(oracle).values():
            for inner in getattr(part, "__dict__", {}).values():
                if hasattr(inner, "labels") and hasattr(inner, "facts"):
                    inner.labels(x)
        return Perturbed(x)


@dataclass(frozen=True)
class FlawedAttack:
    """Returns the first row of something that is no answer, and the other rows unchanged."""

    flaw: Literal["bounds", "nan", "infinity", "shape", "dtype", "type", "fewer"] = param("nan", help="which rule")

    def perturb(self, oracle: Oracle, x: Tensor, rng: Streams) -> Perturbed:
        out: Any = x.clone()
        if self.flaw in ("bounds", "nan", "infinity"):
            high = oracle.bounds.high if oracle.bounds else 1.0
            out[0] = {"bounds": high + 1, "nan": float("nan"), "infinity": float("inf")}[self.flaw]
        else:
            out = {"shape": out.unsqueeze(1), "dtype": out.double(), "type": out.tolist(), "fewer": out[1:]}[self.flaw]
        return Perturbed(out)
