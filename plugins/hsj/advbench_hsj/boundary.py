"""Finding the boundary between inputs and points beyond it; several points of one walk compete for the closest."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .asking import Asking

ROUNDS = 60  # more than float64 can halve
FIRST = 0.05  # of the distance: the first step down


@dataclass
class Nearest:
    """Per walk (M,): the closest success, its size, and which candidate it came from; -1: what was known before."""

    point: Tensor
    size: Tensor
    winner: Tensor


def closest(asking: Asking, walks: Tensor, far: Tensor, found: Tensor, otherwise: Nearest) -> Nearest:
    """Of each walk's points `far` (M, C, d), those that were `found` (M, C) to succeed, the closest to the input."""
    size = asking.geometry.size(far - asking.inputs(walks)[:, None]).masked_fill(~found, torch.inf)
    least, first = size.min(dim=1)
    some = found.any(dim=1)
    return Nearest(
        torch.where(some[:, None], far[torch.arange(len(far), device=far.device), first], otherwise.point),
        torch.where(some, least, otherwise.size),
        torch.where(some, first, -1),
    )


def nearest(asking: Asking, walks: Tensor, far: Tensor, able: Tensor, known: Nearest, margin: float = 0.0) -> Nearest:
    """Pull the candidates `far` (M, C, d), those that are `able` (M, C), towards the inputs as far as any succeeds.

    All candidates of a walk are asked at one distance; those that fail where another succeeds are
    out. `margin`: the first distance asked is that share below the known one, and walks where no
    candidate succeeds there keep what they know.
    """
    geometry, x0 = asking.geometry, asking.inputs(walks)
    change = far.to(torch.float64) - x0[:, None]
    reach, origin = geometry.size(change), x0.double()
    high, winner = known.size, known.winner
    low, down = torch.zeros_like(high), torch.full_like(high, margin or FIRST)
    slack = geometry.tolerance * high
    for number in range(ROUNDS):
        able = able & ((high - low > slack) & asking.live(walks))[:, None]
        at, which = able.nonzero(as_tuple=True)
        if not at.numel():
            break
        distance = torch.where(low > 0, (low + high) / 2, high * (1 - down))
        points = geometry.along(origin[at], change[at, which], distance[at], reach[at, which])
        hit = torch.zeros_like(able)
        hit[at, which] = asking.met(points, walks[at])
        won, first = hit.max(dim=1)
        lost = able.any(dim=1) & ~won
        winner = torch.where(won, first, winner)
        high, low = torch.where(won, distance, high), torch.where(lost, distance, low)
        able = torch.where(won[:, None], hit, able)
        if margin and not number:
            able &= won[:, None]
            down.fill_(FIRST)
        else:
            down = torch.where(won, (2 * down).clamp(max=0.5), down)
    return _reached(asking, walks, Nearest(known.point, high, winner), known, change, reach)


def _reached(asking: Asking, walks: Tensor, found: Nearest, known: Nearest, change: Tensor, reach: Tensor) -> Nearest:
    """The points themselves, made again from where they were found: the same numbers as when they were asked."""
    at = (found.size < known.size).nonzero().flatten()
    which, x0 = found.winner[at], asking.inputs(walks[at])
    points = asking.geometry.along(x0.double(), change[at, which], found.size[at], reach[at, which])
    point, size = known.point.clone(), known.size.clone()
    point[at], size[at] = points, asking.geometry.size(points - x0)
    return Nearest(point, size, found.winner)
