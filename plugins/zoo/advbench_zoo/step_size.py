"""Choosing h: small enough to be a derivative, large enough that the contender reacts."""

from __future__ import annotations

import torch
from torch import Tensor

from advbench import ScoreOracle, Streams

from .differences import probe
from .space import Space

LADDER = (1e-4, 1e-3, 1e-2, 3e-2, 0.1, 0.2, 0.4)  # of the range of the bounds
ENOUGH = 0.6  # share of coordinates that must react
SAMPLE = 16  # coordinates tried per rung


def choose_h(oracle: ScoreOracle, space: Space, x0: Tensor, rng: Streams) -> tuple[Tensor, Tensor]:
    """Return each row's h, in units of u, and the share of coordinates that reacted to it, (N,) each.

    Climbs the ladder and keeps the first rung with at least 60 % non-zero differences, else
    the rung with most. Charged: 2 x 16 + 1 queries per rung tried.
    """
    n, d = x0.shape
    scale = space.bounds.width if space.bounds is not None and not space.tanh else 1.0
    u = space.variable(x0)
    h = torch.full((n,), LADDER[0] * scale, dtype=torch.float64, device=x0.device)
    share = torch.full((n,), -1.0, dtype=torch.float64, device=x0.device)
    cost = 2 * min(SAMPLE, d) + 1
    for rung in LADDER:
        rows = (oracle.live & (share < ENOUGH) & (oracle.left() >= cost)).nonzero().flatten()
        if not len(rows):
            break
        index = rng.uniform(rows, (d,)).topk(min(SAMPLE, d), dim=1).indices
        tried = torch.full((len(rows),), rung * scale, dtype=torch.float64, device=x0.device)
        reacted = probe(oracle, space, x0[rows], u[rows], index, tried, rows).informative()
        better = reacted > share[rows]
        h[rows[better]], share[rows[better]] = tried[better], reacted[better]
    return h, share.clamp(min=0)
