"""Noise that strikes every number by itself: Gaussian, impulse, and a fade into random inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from advbench import Access, AttackFacts, ContestError, Norm, Oracle, Perturbed, Streams, param

from .severities import GAUSSIAN, IMPULSE, SET_HELP, SEVERITY_HELP, set_for
from .within import corrupted, enlarged

_NUMERIC = (Norm.L0, Norm.L1, Norm.L2, Norm.LINF)


@dataclass(frozen=True)
class GaussianNoise:
    """x + sigma N(0, 1), clipped; or scaled to be exactly as large as the threat's eps."""

    severity: int = param(3, ge=1, le=5, help=SEVERITY_HELP, paper="1 to 5, averaged")
    constants: Literal["auto", "cifar10", "tiny-imagenet", "imagenet", "mnist"] = param("auto", help=SET_HELP)
    match: Literal["severity", "eps"] = param(
        "severity", help="eps: noise as large as the threat's eps in its norm, whatever the severity"
    )

    def facts(self) -> AttackFacts:
        return _sized(Norm.L1, Norm.L2, Norm.LINF) if self.match == "eps" else _sized(*_NUMERIC)

    def perturb(self, oracle: Oracle, x: Tensor, rng: Streams) -> Perturbed:
        """Asks nothing."""
        noise = rng.normal(_rows(x), tuple(x.shape[1:]))
        if self.match == "eps":
            return enlarged("gaussian-noise", oracle, x, noise)
        sigma = GAUSSIAN[set_for(self.constants, tuple(x.shape[1:]))][self.severity - 1]
        return corrupted("gaussian-noise", oracle, x, lambda u: (u + sigma * noise).clamp(0, 1))


@dataclass(frozen=True)
class ImpulseNoise:
    """A share of all numbers, channels apart, becomes the lowest or the highest value."""

    severity: int = param(3, ge=1, le=5, help=SEVERITY_HELP, paper="1 to 5, averaged")
    constants: Literal["auto", "cifar10", "tiny-imagenet", "imagenet", "mnist"] = param("auto", help=SET_HELP)

    def perturb(self, oracle: Oracle, x: Tensor, rng: Streams) -> Perturbed:
        """Asks nothing."""
        amount = IMPULSE[set_for(self.constants, tuple(x.shape[1:]))][self.severity - 1]
        struck, salt = (rng.uniform(_rows(x), tuple(x.shape[1:])) for _ in range(2))
        return corrupted(
            "impulse-noise", oracle, x, lambda u: torch.where(struck < amount, (salt < 0.5).to(u), u)
        )  # fmt: skip


@dataclass(frozen=True)
class BlendNoise:
    """(1 - a) x + a chi, where chi is drawn evenly from all inputs: the signal fades as noise grows."""

    amount: float | None = param(
        None, ge=0, le=1, help="share of noise (a); none: the threat's linf eps as a share of the range"
    )

    def facts(self) -> AttackFacts:
        return _sized(Norm.LINF) if self.amount is None else _sized(*_NUMERIC)

    def perturb(self, oracle: Oracle, x: Tensor, rng: Streams) -> Perturbed:
        """Asks nothing."""
        chi = rng.uniform(_rows(x), tuple(x.shape[1:]))
        amount = self._amount(oracle)
        return corrupted("blend-noise", oracle, x, lambda u: (1 - amount) * u + amount * chi)

    def _amount(self, oracle: Oracle) -> float:
        if self.amount is not None:
            return self.amount
        eps, bounds = oracle.threat.eps, oracle.bounds
        if eps is None:
            raise ContestError(
                "blend-noise: amount must be given where there is no eps, got none."
                " Use blend-noise:amount=.3, or --eps."
            )
        return min(1.0, eps / (bounds.width if bounds else 1.0))


def _sized(*norms: Norm) -> AttackFacts:
    return AttackFacts(needs=Access.NONE, norms=frozenset(norms))


def _rows(x: Tensor) -> Tensor:
    return torch.arange(len(x), device=x.device)
