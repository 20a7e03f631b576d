"""Gradients estimated from pairs of points on either side, along random directions."""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from advbench import Streams

from .pursuit import Pursuit

Directions: TypeAlias = Literal["normal", "signs"]

ENOUGH = 0.6  # share of pairs that must differ for a step to be wide enough
TRIED = 8  # pairs asked for each width that is tried
_AT_ONCE = 1 << 18  # numbers per row that are drawn and held at a time
_NARROWEST = 0.25  # share of a pair's width that the bounds may leave before the estimate is held back


def slopes(
    pursuit: Pursuit, points: Tensor, rows: Tensor, width: Tensor, pairs: int, kind: Directions, rng: Streams
) -> Tensor:  # fmt: skip
    """The loss's gradient at points (R, d), 2 x `pairs` queries a row; zeros for rows that end on the way.

    width: (R,), distance of either side along a direction of unit entries. Where the bounds cut a
    side short, the real distance divides.
    """
    total = torch.zeros_like(points)
    at_once = max(1, min(pairs, _AT_ONCE // points.shape[1]))
    for start in range(0, pairs, at_once):
        count = min(at_once, pairs - start)
        at = pursuit.oracle.live[rows].nonzero().flatten()
        if not len(at):
            break
        direction, difference = _differences(pursuit, points[at], rows[at], width[at], count, kind, rng)
        total[at] += (direction * difference[:, :, None].to(points.dtype)).sum(dim=1)
    return total / (2 * pairs * width[:, None])


def wide_enough(
    pursuit: Pursuit, rows: Tensor, widths: tuple[float, ...], kind: Directions, rng: Streams
) -> Tensor:  # fmt: skip
    """Per row (N,) the first of the widths that most pairs react to, else the one most react to.

    16 queries for each that is tried; one alone is not tried.
    """
    chosen = torch.full_like(pursuit.radius, widths[0])
    share = torch.full_like(pursuit.radius, -1.0)
    for width in widths if len(widths) > 1 else ():
        payable = pursuit.oracle.left()[rows] >= 2 * TRIED
        now = rows[pursuit.oracle.live[rows] & (share[rows] < ENOUGH) & payable]
        if not len(now):
            break
        tried = chosen.new_full((len(now),), width)
        _, difference = _differences(pursuit, pursuit.x0[now], now, tried, TRIED, kind, rng)
        reacted = (difference.abs() > pursuit.inquiry.noise[now, None]).to(share).mean(dim=1)
        better = reacted > share[now]
        chosen[now[better]], share[now[better]] = width, reacted[better]
    return chosen


def _differences(
    pursuit: Pursuit, points: Tensor, rows: Tensor, width: Tensor, count: int, kind: Directions, rng: Streams
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Directions (R, count, d), longer where the bounds cut, and the losses' differences float64 (R, count)."""
    d = points.shape[1]
    drawn = rng.normal(rows, (count, d)) if kind == "normal" else rng.integers(rows, (count, d), 2) * 2.0 - 1
    step = width[:, None, None] * drawn.to(points)
    sides = [pursuit.clip(points[:, None] + way * step) for way in (1, -1)]
    asked = torch.stack(sides, dim=2).flatten(0, 2)
    answers = pursuit.inquiry.answers(asked, rows.repeat_interleave(2 * count)).reshape(-1, count, 2)
    difference = answers[:, :, 0] - answers[:, :, 1]
    pursuit.inquiry.compare(rows, difference)
    left = (sides[0] - sides[1]) / torch.where(step == 0, 1.0, 2 * step)
    return drawn / left.clamp(min=_NARROWEST), difference


def ladder(first: float, width: float) -> tuple[float, ...]:
    """Widths to try, from the paper's on, in input units of a range `width`."""
    return tuple(share * width for share in (first, *(s for s in (0.01, 0.05, 0.2) if s > first)))


def unit(slope: Tensor) -> Tensor:
    """Each row at length one, (R, d); zeros stay."""
    largest = slope.abs().amax(dim=1, keepdim=True)
    scaled = slope / torch.where(largest > 0, largest, 1.0)
    length: Tensor = scaled.norm(dim=1, keepdim=True)
    return scaled / length.clamp(min=math.sqrt(torch.finfo(slope.dtype).tiny))
