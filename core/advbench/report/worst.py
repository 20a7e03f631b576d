"""A contender's number: its per-example worst case over all attacks, seed by seed."""

from __future__ import annotations

import functools
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..records.intervals import quantile, quantile_interval, wilson
from .board import Score
from .outcomes import Bools, Floats, Ints, Outcome

_SLACK = 1e-6  # the judge's, for inputs of range 1


@dataclass(frozen=True)
class Worst:
    """One seed. `strongest` is the single attack that comes nearest to the worst case.

    unresolved and blind: examples that no attack broke but some attack left open, or on which
    every attack was blind; both are missing at the low end of `robust` and `distance`.
    """

    n: int
    clean: Score
    robust: Score
    distance: Score
    strongest: Outcome
    queries: float
    queries_over: str
    unresolved: int
    blind: int

    def ranked(self, eps: float | None) -> float:
        """The number that the section ranks by."""
        return self.distance.value if eps is None else self.robust.value


def by_seed(outcomes: Sequence[Outcome]) -> dict[int, list[Outcome]]:
    """The cells of each seed, seeds in order."""
    found: dict[int, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        found[outcome.cell["seed"]].append(outcome)
    return {seed: found[seed] for seed in sorted(found, key=lambda seed: (seed is None, seed))}


def worst_case(outcomes: Sequence[Outcome], eps: float | None, reference_eps: float | None) -> Worst | None:
    """Return one seed's worst case, or None where no finished attack gives evidence.

    It is taken over the examples that every finished attack judged. An unfinished cell adds the
    examples it broke, which stay broken whatever becomes of it, and nothing else.
    """
    attacks = [outcome for outcome in outcomes if not outcome.control]
    done = [outcome for outcome in attacks if outcome.finished and len(outcome.ids)]
    if not done or all(outcome.all_blind for outcome in done):
        return None
    ids = common([outcome.ids for outcome in done])
    if not len(ids):
        return None
    done = [outcome.at(ids) for outcome in done]
    right = np.logical_and.reduce([outcome.right for outcome in done])
    broken = np.logical_or.reduce([outcome.broken for outcome in done])
    distance = np.minimum.reduce([outcome.distance for outcome in done])
    for outcome in attacks:
        if not outcome.finished:
            broken, distance = _add_broken(outcome, ids, broken, distance)
    open_ = np.logical_or.reduce([outcome.open for outcome in done]) & ~broken & right
    blind = np.logical_and.reduce([outcome.blind for outcome in done]) & ~broken & ~open_ & right
    strongest = min(done, key=lambda outcome: _strength(outcome, right, eps))
    queries, over = _median_queries(strongest, right)
    return Worst(
        n=len(ids),
        clean=share(right, np.zeros_like(right)),
        robust=robust_share(right, broken, distance, open_ | blind, eps, reference_eps),
        distance=median_distance(right, distance, open_ | blind),
        strongest=strongest,
        queries=queries,
        queries_over=over,
        unresolved=int(open_.sum()),
        blind=int(blind.sum()),
    )


def common(ids: Sequence[Ints]) -> Ints:
    """What all sorted sets of ids share."""
    distinct = {id(one): one for one in ids}  # most cells hold the very same ones
    return functools.reduce(lambda a, b: np.intersect1d(a, b, assume_unique=True), distinct.values())


def share(held: Bools, doubtful: Bools) -> Score:
    """The share of true entries; doubtful ones count as false at the low end."""
    n = len(held)
    if not n:
        return Score(math.nan, math.nan, math.nan)
    certain, all_ = int((held & ~doubtful).sum()), int(held.sum())
    return Score(all_ / n, wilson(certain, n)[0], wilson(all_, n)[1])


def robust_share(
    right: Bools, broken: Bools, distance: Floats, doubtful: Bools, eps: float | None, reference_eps: float | None
) -> Score:
    """Robust accuracy: at eps as the judge saw it; without eps, at the reference eps (NaN if none)."""
    if eps is None:
        if reference_eps is None:
            return Score(math.nan, math.nan, math.nan)
        broken = distance <= reference_eps + _SLACK
    return share(right & ~broken, doubtful)


def median_distance(right: Bools, distance: Floats, doubtful: Bools) -> Score:
    """The median over right answers, unbroken = infinite; doubtful ones are 0 at the low end."""
    values = distance[right]
    low = quantile_interval(np.where(doubtful, 0.0, distance)[right], 0.5)[0]
    return Score(quantile(values, 0.5), max(low, 0.0) if len(values) else math.nan, quantile_interval(values, 0.5)[1])


def averaged(scores: Sequence[Score]) -> Score:
    """The mean over seeds. The interval is the mean one: seeds share their examples and narrow nothing."""
    return Score(*(float(np.mean(ends)) for ends in zip(*((s.value, s.low, s.high) for s in scores), strict=True)))


def spread(values: Sequence[float]) -> float | None:
    """The standard deviation over seeds, or None for one seed."""
    if len(values) < 2 or not np.isfinite(values).all():
        return None
    return float(np.std(values, ddof=1))


def _add_broken(outcome: Outcome, ids: Ints, broken: Bools, distance: Floats) -> tuple[Bools, Floats]:
    shared, mine, theirs = np.intersect1d(ids, outcome.ids, assume_unique=True, return_indices=True)
    if len(shared):
        broken, distance = broken.copy(), distance.copy()
        broken[mine] |= outcome.broken[theirs]
        distance[mine] = np.minimum(distance[mine], outcome.distance[theirs])
    return broken, distance


def _strength(outcome: Outcome, right: Bools, eps: float | None) -> tuple[bool, float, float, str]:
    """Smaller is stronger. A blind attack comes last: its number is none."""
    unbroken = float((right & ~outcome.broken).mean())
    median = quantile(outcome.distance[right], 0.5) if right.any() else math.inf
    first, second = (median, unbroken) if eps is None else (unbroken, median)
    return (outcome.all_blind, first, second, str(outcome.cell["attack"]))


def _median_queries(outcome: Outcome, right: Bools) -> tuple[float, str]:
    fell = right & outcome.broken
    asked = outcome.queries[fell if fell.any() else right]
    return quantile(asked, 0.5), "broken" if fell.any() else "attacked"
