"""Asking a contender as the arena would, but without its oracle: raw calls, with noise where it wants some."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from advbench import Access, Contender
from advbench.arena.draws import QueryDraws

from .field import CPU
from .findings import DoesNotApply
from .notes import ODD
from .training import Course


def probes(course: Course) -> Any:
    """float32 (82, *shape): real inputs, points halfway between them, corners, and nothing but low or high.

    Of texts: real ones, and odd ones at the end.
    """
    x, bounds = course.x[:32], course.lesson.facts().bounds
    if bounds is None:
        return x + ODD
    coins = torch.rand(16, *x.shape[1:], generator=torch.Generator().manual_seed(0)) < 0.5
    corners = torch.where(coins, bounds.low, bounds.high)
    ends = torch.stack([torch.full(x.shape[1:], bounds.low), torch.full(x.shape[1:], bounds.high)])
    return torch.cat([x, (x + x.roll(1, dims=0)) / 2, corners, ends])


def draws(contender: Contender, n: int, first: int = 0) -> QueryDraws | None:
    """Noise for n points, another for each `first`; None for contenders that want none."""
    return QueryDraws(range(first, first + n), CPU) if contender.facts.stochastic else None


def labels(contender: Contender, x: Any, first: int = 0) -> Tensor:
    """As answered, unchecked."""
    return contender.labels(x, noise=draws(contender, len(x), first))


def scores(contender: Contender, x: Any, first: int = 0) -> Tensor:
    """As answered, unchecked."""
    return contender.scores(x, noise=draws(contender, len(x), first))


def gradient(contender: Contender, x: Tensor, name: str, first: int = 0) -> tuple[Tensor, Tensor]:
    """(value (N,), gradient) of `contrast`."""
    return contender.value_and_grad(x, contrast, gradient=name, noise=draws(contender, len(x), first))


def contrast(scores: Tensor) -> Tensor:
    """A loss (N,) to which every class matters, and differently; a constant added to a row changes nothing."""
    weights = torch.arange(1, scores.shape[1] + 1, dtype=scores.dtype) / scores.shape[1]
    return (scores.log_softmax(dim=1) * weights).sum(dim=1)


def answers(contender: Contender, x: Any, first: int = 0) -> dict[str, Tensor]:
    """Everything that it offers, by what it is."""
    found = {"labels": labels(contender, x, first)}
    if contender.facts.access >= Access.SCORES:
        found["scores"] = scores(contender, x, first)
    if contender.facts.access >= Access.GRADIENTS:
        for name in contender.facts.gradients:
            value, grad = gradient(contender, x, name, first)
            found |= {f"losses of {name}": value, f"gradients of {name}": grad}
    return found


def differing(one: dict[str, Tensor], other: dict[str, Tensor]) -> list[str]:
    """What is not equal, bit for bit, and in how many rows: "labels (3 of 82)"."""
    told = []
    for what, answer in one.items():
        rows = answer.reshape(len(answer), -1), other[what].reshape(len(answer), -1)
        unequal = ((rows[0] != rows[1]) & ~(rows[0].isnan() & rows[1].isnan())).any(dim=1)
        if bool(unequal.any()):
            told.append(f"{what} ({int(unequal.sum())} of {len(answer)} rows)")
    return told


def must_show_scores(contender: Contender) -> None:
    """Raises DoesNotApply for contenders that show labels alone."""
    if contender.facts.access < Access.SCORES:
        raise DoesNotApply("it shows labels alone")


def must_show_gradients(contender: Contender) -> None:
    """Raises DoesNotApply for contenders without gradients."""
    if contender.facts.access < Access.GRADIENTS:
        raise DoesNotApply("it offers no gradient")
