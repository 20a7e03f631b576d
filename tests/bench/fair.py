"""Judging attacks by what the contender says of their points, not by what they say themselves."""

from dataclasses import dataclass

import torch
from scipy.stats import binom
from torch import Tensor

from advbench import Bounds
from advbench.arena.asking import Asker


def distance_if_broken(asker: Asker, x: Tensor, y: Tensor, points: Tensor, bounds: Bounds) -> Tensor:
    """L2 from x, float64 (N,), of the points that are answered with another label than y; infinity for the others.

    The contender is asked afresh. A point outside the bounds or not finite is no success.
    """
    flat = points.flatten(1)
    allowed = flat.isfinite().all(dim=1) & (flat >= bounds.low).all(dim=1) & (flat <= bounds.high).all(dim=1)
    broken = (asker.labels(points.to(x.dtype)) != y) & allowed
    size = (points.double() - x.double()).flatten(1).norm(dim=1)
    return size.masked_fill(~broken, torch.inf)


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided p of as uneven a split of the discordant pairs, were both equally likely (McNemar 1947)."""
    discordant = only_first + only_second
    return min(1.0, 2 * float(binom.cdf(min(only_first, only_second), discordant, 0.5)))


@dataclass(frozen=True)
class Paired:
    """Two attacks on the same examples, as far as they break them within eps."""

    first: float
    second: float
    only_first: int
    only_second: int
    p: float


def within(first: Tensor, second: Tensor, eps: float) -> Paired:
    """Compare two outcomes of `distance_if_broken` at one size of change."""
    a, b = first <= eps, second <= eps
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    return Paired(float(a.double().mean()), float(b.double().mean()), only_a, only_b, mcnemar(only_a, only_b))
