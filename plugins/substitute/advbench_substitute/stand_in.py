"""Attacking a stand-in for the victim, uncounted, and going further along the way that broke it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from advbench import (
    Access,
    Attack,
    AttackFacts,
    Bounds,
    BudgetSpent,
    ClassGoal,
    ContestError,
    LocalOracle,
    Norm,
    Oracle,
    Streams,
    spec_of,
)


def facts_of(attack: Attack) -> AttackFacts:
    """What the inner attack asks for."""
    spec, own = spec_of(attack), getattr(attack, "facts", None)
    return own() if own is not None else AttackFacts(needs=spec.needs, norms=spec.norms, modalities=spec.modalities)


def check_attack(attack: Any) -> None:
    """Raise ValueError unless it can be run on a stand-in."""
    if attack is None:
        raise ValueError("attack must be an attack, got none. Name one, as attack=pgd.")
    if hasattr(attack, "prepare"):
        raise ValueError(f"attack must not learn first itself, got {spec_of(attack).name}. Choose another.")
    if getattr(attack, "source", None) is not None:
        raise ValueError(f"attack must not stand on another contender, got {spec_of(attack).name}. Choose another.")


def broken_stand_in(attack: Attack, stand_in: Any, oracle: Oracle, x: Tensor, rng: Streams) -> tuple[Tensor, Tensor]:
    """(candidates like x, bool (N,): do they meet the goal on the stand-in?), with nothing charged.

    stand_in: a torch module or a contender. Rows it does not break keep their best candidate's
    place: whatever the attack returned.
    """
    found, met = x.clone(), torch.zeros(len(x), dtype=torch.bool, device=x.device)
    every = torch.arange(len(x), device=x.device)
    groups = [every] if spec_of(attack).batched else list(torch.split(every, 1))
    facts = getattr(stand_in, "facts", None)
    noise = rng.integers(every, (1,), 1 << 62)[:, 0] if facts is not None and facts.stochastic else None
    gradient = facts.gradients[0] if facts is not None and facts.gradients else "exact"
    for rows in groups:
        goal = ClassGoal(oracle.goal.y[rows], None if oracle.goal.target is None else oracle.goal.target[rows])
        threat = replace(oracle.threat, access=Access.GRADIENTS, gradient=gradient)
        local = LocalOracle(
            stand_in, goal, threat, shape=tuple(x.shape[1:]),
            classes=oracle.classes, bounds=oracle.bounds, noise=None if noise is None else noise[rows],
        )  # fmt: skip
        try:
            answer = attack.perturb(local, x[rows], _Part(rng, rows)).x
        except BudgetSpent:
            continue
        if not isinstance(answer, Tensor) or answer.shape != x[rows].shape:
            got = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
            name = spec_of(attack).name
            raise ContestError(f"attack: {name} must return inputs {tuple(x[rows].shape)}, got {got}.")
        found[rows] = answer.to(x.dtype)
        met[rows] = goal.met(local.labels(found[rows]), torch.arange(len(rows), device=x.device))
    return found, met


def further(x: Tensor, candidate: Tensor, times: float, norm: Norm, eps: float | None, bounds: Bounds | None) -> Tensor:
    """x plus `times` the change, inside the bounds and, if there is an eps, shortened to it."""
    change = (candidate.double() - x.double()) * times
    if eps is not None:
        change = _shortened(change, norm, eps)
    moved = x.double() + change
    inside: Tensor = moved if bounds is None else bounds.clip(moved)
    return inside.to(x.dtype)


def _shortened(change: Tensor, norm: Norm, eps: float) -> Tensor:
    flat = change.flatten(1)
    if norm is Norm.LINF:
        return change.clamp(-eps, eps)
    if norm is Norm.L0:  # the same features change, by more
        return change
    length = flat.norm(p=1 if norm is Norm.L1 else 2, dim=1, keepdim=True)
    scale = (eps / length.clamp(min=1e-30)).clamp(max=1.0)
    shorter: Tensor = flat * scale
    return shorter.reshape(change.shape)


class _Part:
    """The streams of some rows of a shard."""

    def __init__(self, streams: Streams, rows: Tensor) -> None:
        self._streams, self._rows = streams, rows

    def normal(self, rows: Tensor, shape: tuple[int, ...]) -> Tensor:
        """float32 (M, *shape), standard normal."""
        return self._streams.normal(self._rows[rows], shape)

    def uniform(self, rows: Tensor, shape: tuple[int, ...]) -> Tensor:
        """float32 (M, *shape) in [0, 1)."""
        return self._streams.uniform(self._rows[rows], shape)

    def integers(self, rows: Tensor, shape: tuple[int, ...], high: int) -> Tensor:
        """int64 (M, *shape) in [0, high)."""
        return self._streams.integers(self._rows[rows], shape, high)
