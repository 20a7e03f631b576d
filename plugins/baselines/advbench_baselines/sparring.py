"""Adversarial examples to learn from: any attack, run on the network in training or on another one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor

from advbench import (
    Access,
    Attack,
    BudgetSpent,
    ClassGoal,
    ContestError,
    DatasetFacts,
    LocalOracle,
    Norm,
    RequestError,
    Threat,
    spec_of,
)

from .lessons import Batch


@dataclass(frozen=True)
class Sparring:
    """The attack within `eps` of each example, or without one as near as it gets; uncounted."""

    who: str  # the defense, for messages
    attack: Attack
    norm: Norm
    eps: float | None
    facts: DatasetFacts

    def against(self, network: Any, batch: Batch, target: Tensor | None = None) -> Tensor:
        """(B, *shape): what the attack returns for each example, against a torch module as it is now or a contender.

        target: int64 (B,), the classes to aim at; None = any other than the label. A module is copied and put into
        evaluation mode; `network` itself stays as it is.
        """
        assert self.facts.shape is not None
        threat = Threat(
            access=Access.GRADIENTS, norm=self.norm, eps=self.eps, gradient=_gradient(network),
            targeted=target is not None,
        )  # fmt: skip
        rng = batch.seeds.child("attack").generator()
        found = torch.empty_like(batch.x)
        for rows in self._groups(len(batch.y), batch.y.device):
            goal = ClassGoal(batch.y[rows], None if target is None else target[rows])
            oracle = LocalOracle(
                network, goal, threat, shape=self.facts.shape, classes=self.facts.classes, bounds=self.facts.bounds
            )
            found[rows] = self._answer(oracle, batch.x[rows], BatchStreams(rng, batch.x.device))
        return found

    def _groups(self, count: int, device: torch.device) -> list[Tensor]:
        """Together, if the attack promises that rows do not touch each other; else one by one."""
        every = torch.arange(count, device=device)
        return [every] if spec_of(self.attack).batched else list(torch.split(every, 1))

    def _answer(self, oracle: LocalOracle, x: Tensor, rng: BatchStreams) -> Tensor:
        try:
            answer = self.attack.perturb(oracle, x, rng).x
        except BudgetSpent:
            return x
        if not isinstance(answer, Tensor) or answer.shape != x.shape:
            got = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
            raise ContestError(f"{self.who}: its attack must return inputs {tuple(x.shape)}, got {got}.")
        return answer.detach().to(x.dtype)


class BatchStreams:
    """An attack's draws from one generator for a whole batch: what is learnt from together need not be drawn apart."""

    def __init__(self, generator: Generator, device: torch.device) -> None:
        self._generator, self._device = generator, device

    def normal(self, rows: Tensor, shape: tuple[int, ...]) -> Tensor:
        """float32 (M, *shape), standard normal."""
        return torch.randn(len(rows), *shape, generator=self._generator).to(self._device)

    def uniform(self, rows: Tensor, shape: tuple[int, ...]) -> Tensor:
        """float32 (M, *shape) in [0, 1)."""
        return torch.rand(len(rows), *shape, generator=self._generator).to(self._device)

    def integers(self, rows: Tensor, shape: tuple[int, ...], high: int) -> Tensor:
        """int64 (M, *shape) in [0, high)."""
        return torch.randint(high, (len(rows), *shape), generator=self._generator).to(self._device)


def check_attack(attack: Any, norm: str, field: str = "attack", norm_field: str = "norm") -> None:
    """Raise ValueError unless the attack can be run here. The fields are those of the defense, for the message."""
    if attack is None:
        raise ValueError(f"{field} must be an attack, got none. Name one.")
    norms = attack.facts().norms if hasattr(attack, "facts") else spec_of(attack).norms
    if Norm(norm) not in norms:
        served = " or ".join(sorted(norms))
        raise ValueError(
            f"{norm_field} must be {served} for {field}={spec_of(attack).name}, got {norm}. Choose another."
        )
    if hasattr(attack, "prepare"):
        raise ValueError(f"{field} must not learn first, got {spec_of(attack).name}. Choose another.")


def check_returns(attack: Any) -> None:
    """Raise ValueError unless the attack returns where it ended, whether or not that is a success."""
    if getattr(attack, "returns", "last") != "last":
        raise ValueError(
            f"attack.returns must be last, got {attack.returns}: examples that resist would be learnt unchanged. Write"
            " attack.returns=last."
        )


def reach(who: str, eps: float | None, norm: Norm, facts: DatasetFacts) -> float:
    """How far examples may be moved: eps, or the data set's own. Raises RequestError if there is neither."""
    if eps is None and norm not in facts.eps:
        raise RequestError(f"{who}: eps must be given for data without a reference of {norm}, got none. Write eps=.")
    return facts.eps[norm] if eps is None else eps


def _gradient(network: Any) -> str:
    """The kind that a contender offers first; a module's own."""
    facts = getattr(network, "facts", None)
    return facts.gradients[0] if facts is not None else "exact"
