"""Finding the boundary between inputs and points beyond it; several points of one row compete for the closest."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .asking import Asking

ROUNDS = 60  # more than float64 can halve
FIRST = 0.05  # of the distance: the first step down


@dataclass
class Nearest:
    """Per row (R,): the closest success, its size, and which candidate it came from; -1: what was known before."""

    point: Tensor
    size: Tensor
    winner: Tensor


def nearest(asking: Asking, rows: Tensor, far: Tensor, able: Tensor, known: Nearest, margin: float = 0.0) -> Nearest:
    """Pull the candidates `far` (R, C, d), those that are `able` (R, C), towards the inputs as far as any succeeds.

    All candidates of a row are asked at one distance; those that fail where another succeeds are
    out. `margin`: the first distance asked is that share below the known one, and rows where no
    candidate succeeds there keep what they know.
    """
    geometry, x0 = asking.geometry, asking.x0[rows]
    reach = geometry.size(far - x0[:, None])
    able, point, high, winner = able.clone(), known.point.clone(), known.size.clone(), known.winner.clone()
    low, down = torch.zeros_like(high), torch.full_like(high, margin or FIRST)
    slack = geometry.tolerance * high
    for number in range(ROUNDS):
        at = (able.any(dim=1) & (high - low > slack) & asking.oracle.live[rows]).nonzero().flatten()
        if not len(at):
            break
        distance = torch.where(low[at] > 0, (low[at] + high[at]) / 2, high[at] * (1 - down[at]))
        one, which = able[at].nonzero(as_tuple=True)
        where = at[one]
        share = (distance[one] / reach[where, which]).clamp(max=1)
        points = geometry.between(x0[where], far[where, which], share)
        hit = asking.met(points, rows[where])
        position = torch.full((len(at),), len(hit), device=rows.device)
        position.scatter_reduce_(0, one[hit], hit.nonzero().flatten(), "amin")  # the first that succeeds
        won = position < len(hit)
        first, up = position[won], at[won]
        point[up], winner[up] = points[first], which[first]
        high[up] = geometry.size(points[first] - x0[up])
        still = torch.zeros_like(able)
        still[where, which] = hit
        able[up] = still[up]
        low[at[~won]] = distance[~won]
        down[up] = torch.full_like(down[up], FIRST) if margin and not number else (2 * down[up]).clamp(max=0.5)
        if margin and not number:
            able[at[~won]] = False
    return Nearest(point, high, winner)
