"""Whether a contender that comes back from its stored state answers as the trained one did."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..arena.asking import Asker
from ..arena.exactness import every_score
from ..contract.errors import ContestError, PluginError
from ..contract.facts import DatasetFacts
from ..contract.protocols import Contender
from ..contract.types import Access

EXAMPLES = 64
_ROUNDING = 1e-4  # of the largest answer: stored weights may lie otherwise in memory, which moves last bits
_LUCK = 0.01  # of the points: where rounding tips a vote, an answer changes as a whole


def check_restored(
    trained: Contender, restored: Contender, x: Any, data: DatasetFacts, device: torch.device, who: str
) -> None:
    """Compare all answers of the two on some examples and, of numbers, halfway between two of them.

    Raises PluginError, naming `who`, if more than one point in a hundred is answered otherwise.
    """
    if restored.facts != trained.facts:
        raise PluginError(f"{who} must have equal facts after restore(), got {restored.facts} for {trained.facts}.")
    points = x[:EXAMPLES] if isinstance(x, tuple) else _with_middles(x[:EXAMPLES].to(device))
    before, after = (_answers(one, points, data.classes, device) for one in (trained, restored))
    for what, answer in before.items():
        moved = int((~_near(answer, after[what])).sum())
        if moved > _LUCK * len(points):
            raise PluginError(
                f"{who} must answer after restore() as it did before, got other {what} for {moved} of"
                f" {len(points)} points. Its state() or its restore() leaves something out."
            )


def _with_middles(x: Tensor) -> Tensor:
    return torch.cat([x, (x + x.roll(1, dims=0)) / 2])


def _answers(contender: Contender, points: Any, classes: int, device: torch.device) -> dict[str, Tensor]:
    """All that it offers, under equal noise."""
    facts, asker, seeds = contender.facts, Asker(contender, classes, device), range(len(points))
    found = {"labels": asker.labels(points, seeds)}
    if facts.access >= Access.SCORES:
        found["scores"] = asker.scores(points, seeds)
    if facts.access >= Access.GRADIENTS:
        for name in facts.gradients:
            found[f"{name} gradients"] = grad = asker.value_and_grad(points, every_score, name, seeds)[1]
            if bool(grad.flatten(1).isnan().any(dim=1).all()):  # were it some rows only, those would end alone
                raise ContestError(f"contender: gradient '{name}' must be numbers, got NaN for every example.")
    return found


def _near(one: Tensor, other: Tensor) -> Tensor:
    """bool (N,): are the rows equal up to rounding?"""
    one, other = (answer.double().reshape(len(answer), -1) for answer in (one, other))
    largest = float(one.masked_fill(~one.isfinite(), 0).abs().max())
    return torch.isclose(other, one, rtol=0, atol=_ROUNDING * largest, equal_nan=True).all(dim=1)
