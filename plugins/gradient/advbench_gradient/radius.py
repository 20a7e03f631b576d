"""Which eps an attack is run with: the threat's, or, where the smallest change wins, ever better ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from advbench import Norm

from .hunt import Hunt
from .losses import margin
from .norms import dual_size

Attempt: TypeAlias = Callable[[Tensor, Tensor], None]
"""(eps (R, 1), rows (R,)): look once for successes within eps of those rows."""

_ROUNDING = 1e-6  # of the range: a full step's measured size may exceed its eps by that
_FIRST = 2.0  # times the distance at which a linear contender would give way


@dataclass(frozen=True)
class Bracket:
    """Per row a positive number to try, and what is known of the least one that works. All (N,), in place."""

    now: Tensor
    low: Tensor
    high: Tensor

    @classmethod
    def start(cls, first: Tensor) -> Bracket:
        return cls(first.clone(), torch.zeros_like(first), torch.full_like(first, torch.inf))

    def advance(self, rows: Tensor, found: Tensor, factor: float) -> None:
        """Those rows have tried `now`: halve the bracket, or go up or down by `factor` until there is one."""
        now = self.now[rows]
        self.high[rows] = torch.where(found, torch.minimum(self.high[rows], now), self.high[rows])
        self.low[rows] = torch.where(found, self.low[rows], torch.maximum(self.low[rows], now))
        low, high = self.low[rows], self.high[rows]
        inside = torch.where(low > 0, (low + high) / 2, high / factor)
        self.now[rows] = torch.where(high.isinf(), now * factor, inside)


def attempts(
    hunt: Hunt, attempt: Attempt, restarts: int, searches: int, grid: int = 0, top: float | None = None
) -> None:
    """Within the threat's eps, `restarts` times; without one, `searches` times by bisection.

    Or, without one, over a grid of that many eps up to `top`, the longest change inside the bounds if None.
    """
    eps = hunt.oracle.threat.eps
    if eps is None:
        if grid:
            _over_grid(hunt, attempt, grid, top or largest(hunt))
        else:
            _bisect(hunt, attempt, searches)
        return
    for _ in range(restarts):
        rows = hunt.rows()
        if not len(rows):
            break
        attempt(hunt.x0.new_full((len(rows), 1), eps), rows)


def largest(hunt: Hunt) -> float:
    """The size of the longest change inside the bounds."""
    d = hunt.x0.shape[1]
    return hunt.width * {Norm.LINF: 1.0, Norm.L2: math.sqrt(d)}.get(hunt.norm, float(d))


def _over_grid(hunt: Hunt, attempt: Attempt, grid: int, top: float) -> None:
    """From small to large; a row is over at its first success, for larger ones may fail again."""
    for i in range(1, grid + 1):
        rows = hunt.rows()
        rows = rows[hunt.distance[rows].isinf()]
        if not len(rows):
            break
        attempt(hunt.x0.new_full((len(rows), 1), top * i / grid), rows)


def _bisect(hunt: Hunt, attempt: Attempt, searches: int) -> None:
    rows = hunt.rows()
    if not len(rows):
        return
    here = hunt.slopes(hunt.x0[rows], rows, margin)
    most = largest(hunt)
    first = torch.full_like(hunt.distance, most)
    # A zero gradient gives no estimate: begin with everything.
    first[rows] = (_FIRST * here.value.abs() / dual_size(here.grad, hunt.norm)).nan_to_num(most, most).clamp(max=most)
    bracket = Bracket.start(first)
    for _ in range(searches):
        rows = hunt.rows()
        rows = rows[(bracket.low[rows] < most) & (hunt.distance[rows] > 0)]  # all failed, or none needed
        if not len(rows):
            break
        tried = bracket.now[rows]
        attempt(tried[:, None].clone(), rows)
        found = hunt.distance[rows] <= tried + _ROUNDING * hunt.width
        bracket.now[rows] = torch.minimum(tried, hunt.distance[rows])
        bracket.advance(rows, found, 2.0)
        bracket.now[rows] = bracket.now[rows].clamp(max=most)
