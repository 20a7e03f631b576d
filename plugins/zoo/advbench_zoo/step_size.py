"""Choosing h: small enough to be a derivative, large enough that the contender reacts."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from advbench import ScoreOracle, Streams

from .differences import Asking, moves
from .variables import Variables

LADDER = (1e-4, 1e-3, 1e-2, 3e-2, 0.1, 0.2, 0.4)  # of the range of the bounds
ENOUGH = 0.6  # share of coordinates that must react
SAMPLE = 16  # coordinates tried per rung
REPEATS = 16  # further questions about the point itself, if its answer changes by itself
CLEAR = 4.0  # standard deviations that a difference must exceed to be no noise


@dataclass(frozen=True)
class Choice:
    """Per row (N,): h in units of u, the share of variables that reacted, -1 if unknown, and the difference of
    answers that noise explains."""

    h: Tensor
    share: Tensor
    noise: Tensor

    @classmethod
    def fixed(cls, h: float, like: Tensor) -> Choice:
        """An h that was typed: nothing is known of the contender yet."""
        n = len(like)
        return cls(like.new_full((n,), h), like.new_full((n,), -1.0), like.new_zeros(n))


def choose_h(oracle: ScoreOracle, asking: Asking, variables: Variables, rng: Streams) -> Choice:
    """Climb the ladder and keep the first rung with at least 60 % of differences beyond noise, else that with most.

    Charged: 2 x 16 + 1 queries per rung tried; 2 to see whether the point's answer stays, and 16
    more if it does not.
    """
    space = asking.space
    n, count = len(variables.x0), min(SAMPLE, space.size)
    noise = _noise(oracle, asking, variables)
    h = variables.x0.new_full((n,), LADDER[0] * space.box.scale)
    share = torch.full_like(h, -1.0)
    for rung in LADDER:
        rows = (oracle.live & (share < ENOUGH) & (oracle.left() >= 2 * count + 1)).nonzero().flatten()
        if not len(rows):
            break
        index = rng.uniform(rows, (space.size,)).topk(count, dim=1).indices
        tried = h.new_full((len(rows),), rung * space.box.scale)
        here = variables.here(rows, space)
        _, (pair,) = asking.probe(here, index, (moves(space, here, index, tried),), rows)
        reacted = pair.informative(noise[rows])
        better = reacted > share[rows]
        h[rows[better]], share[rows[better]] = tried[better], reacted[better]
    return Choice(h, share.clamp(min=0), noise)


def _noise(oracle: ScoreOracle, asking: Asking, variables: Variables) -> Tensor:
    """Differences up to this may be the contender's own noise, (N,); 0 if its answers stay."""
    noise = variables.x0.new_zeros(len(variables.x0))
    for repeats in (2, REPEATS):
        rows = (oracle.live & (oracle.left() >= repeats) & ((noise > 0) | (repeats == 2))).nonzero().flatten()
        if len(rows):
            answers = asking.again(variables.here(rows, asking.space), rows, repeats)
            noise[rows] = CLEAR * 2**0.5 * answers.std(dim=1)
    return noise
