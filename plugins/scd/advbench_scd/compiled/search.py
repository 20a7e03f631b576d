"""Compiled kernels of stochastic coordinate descent for 01 loss (paper: openreview N07ebsD-lHp, section 2.1).

A unit fires iff its projection is strictly above a threshold, and every search asks above which one it should. The
answer needs only each row's *gain*: what the objective wins when the unit fires for that row instead of staying
silent. Gains are integers (of cross-entropy in fixed point), so sums are exact in any order and equal objectives are
equal numbers. Unit vectors, free vectors and signs differ in their steps alone. d features, n rows, m rows of a batch,
h hidden units, c coordinates tried.

Thresholds are midpoints of neighbouring float32 projections that differ by more than a gap (see ROUNDING): float32
inference then puts every row of the batch on the side that the search counted.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from . import Float32, Float64, Int64, UInt32, kernel
from .sorting import ascending

ALL_FIRE = 0.01  # how far below the smallest projection the threshold lies under which every row fires
# Smallest usable gap per unit of ||x||: half of it, 2**-23, covers the usual float32 error of w.x + b.
ROUNDING = 2.0**-22
UNIT, FREE, SIGNS = 0, 1, 2  # kinds of vectors: scaled to unit norm after a step, not scaled, of signs that flip
NEVER = -(2**62)  # less than any gain


class Features(NamedTuple):
    """What a unit may weigh: all pixels for a hidden unit, all hidden units for the final node."""

    x: Float32  # (d, n), feature-major: a step of one coordinate reads one contiguous row
    spans: Float32  # (d,), max - min of each feature
    gap: float  # neighbouring projections closer than this count as equal


class Sample(NamedTuple):
    """A batch as one unit sees it."""

    rows: UInt32  # (m,), positions in the training set, ascending
    values: Float32  # (m,), projections
    gains: Int64  # (m,)


class Tries(NamedTuple):
    """Which steps a unit tries."""

    coordinates: Int64  # (c,), in the order that decides ties
    kind: int  # UNIT, FREE or SIGNS
    size: float  # of a step; signs flip
    window: int  # ranks on each side of the refitted threshold
    forced: bool  # take the best step even if it gains nothing


class Fit(NamedTuple):
    """A threshold: the rows of this rank and above fire, which wins `gain` over a silent unit."""

    rank: int
    threshold: float
    gain: int


class Band(NamedTuple):
    """The k rows of a batch whose side a step may decide; first the r with a gain, each part in row order."""

    rows: UInt32  # (k,)
    values: Float32  # (k,)
    gains: Int64  # (r,)
    near: UInt32  # positions in the band of the rows around the threshold
    below: int  # rows left out below the band
    above: int  # gain of the rows left out above the band
    first: int  # lowest rank of the window
    last: int  # highest
    density: float  # ranks per unit of projection around the threshold


class Move(NamedTuple):
    """A step of one coordinate, or none (-1, 0, 1), after which vector and projections are divided by `norm`."""

    coordinate: int
    step: float
    norm: float
    threshold: float  # for the divided projections


@kernel
def fit_threshold(sample: Sample, order: UInt32, gap: float) -> Fit:
    """Search the threshold below all rows and every one that separates two neighbours; the lowest rank wins ties."""
    gain = sample.gains.sum()
    above = np.float64(sample.values[order[0]])
    best = Fit(0, above - max(ALL_FIRE, gap), gain)
    for rank in range(1, order.size):
        below, above = above, np.float64(sample.values[order[rank]])
        gain -= sample.gains[order[rank - 1]]
        if gain > best.gain and above - below > gap:
            best = Fit(rank, 0.5 * (below + above), gain)
    return best


@kernel
def gather_band(sample: Sample, order: UInt32, fit: Fit, window: int, span: float, gap: float) -> Band:
    """Gather the rows that can come to lie in the window when a step moves no two rows apart by more than `span`."""
    values, gains, size = sample.values, sample.gains, order.size
    first, last = max(0, fit.rank - window), min(size, fit.rank + window) - 1
    low = values[order[max(first - 1, 0)]] - np.float32(span + gap)
    high = values[order[last]] + np.float32(span + gap)
    near_low, near_high = values[order[max(fit.rank - 48, 0)]], values[order[min(fit.rank + 48, size - 1)]]
    rows, inside = np.empty(size, np.uint32), np.empty(size, np.float32)
    worth, near = np.empty(size, np.int64), np.empty(size, np.uint32)
    banded, relevant, close, below, above = 0, 0, 0, 0, 0
    # Rows with a gain come first: only they change the objective, the others only count.
    for idle in (False, True):
        for i in range(size):
            value = values[i]
            if (gains[i] == 0) != idle:
                continue
            if value < low:
                below += 1
            elif value > high:
                above += gains[i]
            else:
                rows[banded], inside[banded], worth[banded] = sample.rows[i], value, gains[i]
                near[close] = banded
                banded += 1
                close += near_low <= value <= near_high
        relevant = relevant if idle else banded
    density = close / max(near_high - near_low, gap)
    parts = rows[:banded], inside[:banded], worth[:relevant], near[:close]
    return Band(*parts, below, above, first, last, density)


@kernel
def count_at_most(values: Float32, low: np.float32, high: np.float32) -> tuple[int, int]:
    """Count the values at or below each of two thresholds; 32-bit counters keep the loop in full vectors."""
    below_low, below_high = np.int32(0), np.int32(0)
    for i in range(values.size):
        below_low = np.int32(below_low + np.int32(values[i] <= low))
        below_high = np.int32(below_high + np.int32(values[i] <= high))
    return int(below_low), int(below_high)


@kernel
def bracket(moved: Float32, band: Band, guess: float, gap: float) -> tuple[np.float32, np.float32, int]:
    """Return low, high such that (low, high] holds every rank the window needs, and the rank of the first above low."""
    near = np.float32(guess)
    rank, _ = count_at_most(moved, near, near)
    middle = guess + (0.5 * (band.first + band.last) - band.below - rank) / band.density
    margin = max((0.5 * (band.last - band.first) + 16) / band.density, gap)
    low, high = np.float32(middle - margin), np.float32(middle + margin)
    while True:
        below_low, below_high = count_at_most(moved, low, high)
        too_high = below_low + band.below > max(band.first - 1, 0)
        too_low = below_high + band.below <= band.last
        if not (too_high or too_low):
            return low, high, below_low + band.below
        margin *= 2
        if too_high:
            low = np.float32(low - margin)
        if too_low:
            high = np.float32(high + margin)


@kernel
def promise(moved: Float32, gains: Int64, low: np.float32, high: np.float32) -> int:
    """Bound the gain of any threshold in [low, high]: that of `low`, had every loss up to `high` been avoided."""
    total = 0
    for i in range(gains.size):
        gain = gains[i]
        total += max(gain, 0) if moved[i] > low else 0
        total += min(gain, 0) if moved[i] > high else 0
    return total


@kernel
def search_window(moved: Float32, band: Band, guess: float, need: int, gap: float) -> tuple[int, float]:
    """Return the best (gain, threshold) of the window after a step, lowest rank first, or a gain below `need`."""
    low, high, rank = bracket(moved, band, guess, gap)
    best, threshold = need - 1, 0.0
    if band.above + promise(moved, band.gains, low, high) < need:  # most candidates end here, without a sort
        return best, threshold
    gain, size = band.above, 0
    inside, worth = np.empty(moved.size, np.float32), np.empty(moved.size, np.int64)
    for i in range(moved.size):
        if moved[i] > low:
            own = band.gains[i] if i < band.gains.size else 0
            gain += own
            inside[size], worth[size] = moved[i], own
            size += moved[i] <= high
    order = ascending(inside[:size])
    value = np.float64(inside[order[0]]) - 2 * max(ALL_FIRE, gap)
    for i in range(band.last - rank + 1):
        previous, value = value, np.float64(inside[order[i]])
        if rank + i >= band.first and gain > best and value - previous > gap:
            best, threshold = gain, 0.5 * (previous + value)
        gain -= worth[order[i]]
    return best, threshold


@kernel
def possible_steps(weights: Float64, tries: Tries) -> tuple[Float64, Float64]:
    """Return the steps (signs, c), + before -, and the norm (signs, c) to divide the vector by after each."""
    signs = 1 if tries.kind == SIGNS else 2
    steps, norms = np.empty((signs, tries.coordinates.size)), np.ones((signs, tries.coordinates.size))
    for c in range(tries.coordinates.size):
        weight = weights[tries.coordinates[c]]
        for sign in range(signs):
            steps[sign, c] = -2 * weight if tries.kind == SIGNS else tries.size * (1 - 2 * sign)
            if tries.kind == UNIT:
                norms[sign, c] = np.sqrt(max(1 + 2 * steps[sign, c] * weight + tries.size * tries.size, 0.0))
    return steps, norms


@kernel
def best_move(band: Band, fit: Fit, features: Features, tries: Tries, steps: Float64, norms: Float64) -> Move:
    """Search all steps, each with its window of thresholds; ties go to the first in (sign, coordinate, rank) order.

    Unless forced, only a gain strictly above that of `fit` makes a move. Projections gain `step * x[coordinate]`.
    """
    size = band.rows.size
    entries, moved = np.empty(size, np.float32), np.empty(size, np.float32)
    move, best_sign = Move(-1, 0.0, 1.0, fit.threshold), -1
    best = NEVER if tries.forced else fit.gain
    for c in range(tries.coordinates.size):
        coordinate = tries.coordinates[c]
        feature = features.x[coordinate]
        for i in range(size):
            entries[i] = feature[band.rows[i]]
        pull = 0.0  # to first order, a quantile moves by the step times the mean entry of the rows lying on it
        for i in range(band.near.size):
            pull += entries[band.near[i]] / band.near.size
        for sign in range(steps.shape[0]):
            step, norm = steps[sign, c], norms[sign, c]
            if norm < 1e-6:  # the step cancels the vector
                continue
            for i in range(size):
                moved[i] = band.values[i] + np.float32(step) * entries[i]
            need = best + 1 if sign >= best_sign else best
            gain, threshold = search_window(moved, band, fit.threshold + step * pull, need, features.gap * norm)
            if gain >= need:
                best, best_sign, move = gain, sign, Move(coordinate, step, norm, threshold / norm)
    return move


@kernel
def length(weights: Float64) -> float:
    """Return the norm of a vector, at least 1e-6, summed in order: libraries differ in theirs."""
    square = 0.0
    for weight in weights:
        square += weight * weight
    return float(max(np.sqrt(square), 1e-6))


@kernel
def longest_step(features: Features, tries: Tries) -> float:
    """How far apart a step can move two projections."""
    span = 0.0
    for coordinate in tries.coordinates:
        span = max(span, float(features.spans[coordinate]))
    return span * (2.0 if tries.kind == SIGNS else tries.size)


@kernel
def descend(weights: Float64, sample: Sample, features: Features, tries: Tries) -> Move:
    """Refit the threshold over the whole batch, then take the best step of one coordinate, in place, if one gains."""
    if tries.kind != UNIT:
        features = Features(features.x, features.spans, features.gap * length(weights))
    order = ascending(sample.values)
    fit = fit_threshold(sample, order, features.gap)
    band = gather_band(sample, order, fit, tries.window, longest_step(features, tries), features.gap)
    steps, norms = possible_steps(weights, tries)
    move = best_move(band, fit, features, tries, steps, norms)
    if move.coordinate >= 0:
        weights[move.coordinate] += move.step
        if tries.kind == UNIT:
            for f in range(weights.size):
                weights[f] /= move.norm
    return move
