"""What contenders prove about their own answers: the largest radius of a stated grid, held against every attack.

The grid is twentieths of the threat's eps, or of the data set's reference for the norm, up to twice that. What is
proved within a ball is proved within every smaller one, so the radius is found by bisection.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ..contract.errors import ContestError
from ..contract.facts import DatasetFacts
from ..contract.texts import kind_of
from ..contract.types import Norm, Threat

STEPS = 20  # of the grid, up to eps
LARGEST = 40  # steps


def certified(contender: Any, x: Any, threat: Threat, facts: DatasetFacts) -> list[float | None]:
    """Per row the largest radius of the grid, in the threat's norm, at which the contender proves its answer; 0: none.

    None where it proves nothing by itself (it has no `certify`), on text, and where there is no eps to divide.
    """
    certify = getattr(contender, "certify", None)
    unit = threat.eps if threat.eps is not None else facts.eps.get(threat.norm)
    if certify is None or not unit or not isinstance(x, Tensor):
        return [None] * len(x)
    proved = torch.zeros(len(x), dtype=torch.int64)  # in steps
    open_at = torch.full_like(proved, LARGEST + 1)
    while bool((open_at - proved > 1).any()):
        middle = (proved + open_at) // 2
        for step in sorted(set(middle[open_at - proved > 1].tolist())):
            rows = ((middle == step) & (open_at - proved > 1)).nonzero().flatten()
            holds = _answer(certify, x[rows.to(x.device)], threat.norm, _radius(step, unit))
            proved[rows[holds]], open_at[rows[~holds]] = step, step
    return [_radius(step, unit) for step in proved.tolist()]


def _radius(step: int, unit: float) -> float:
    return unit * step / STEPS


def _answer(certify: Callable[..., Any], x: Tensor, norm: Norm, eps: float) -> Tensor:
    holds = certify(x, norm, eps)
    if not isinstance(holds, Tensor) or holds.dtype != torch.bool or holds.shape != (len(x),):
        raise ContestError(f"contender: certify must answer torch.bool ({len(x)},), got {kind_of(holds)}.")
    return holds.cpu()


def hold_to(radii: Sequence[float | None], distance: Tensor, met: Tensor, ids: Sequence[int]) -> None:
    """Raise ContestError if a judged point that meets the goal lies within its example's certified radius."""
    for radius, size, broken, i in zip(radii, distance.tolist(), met.tolist(), ids, strict=True):
        if broken and radius is not None and size <= radius:
            raise ContestError(
                f"contender: no point within a certified radius must change the answer, got one of example {i} at"
                f" {size:.6g}, certified to {radius:.6g}. Correct its certify()."
            )
