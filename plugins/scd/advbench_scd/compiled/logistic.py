"""Cross-entropy: gains of hidden units in fixed point, and the final node's bias, whose loss is convex.

The cross-entropy of a logit f is log(1 + e^f) - y f. With E = e^p for all projections p, that of every candidate is a
product away: a step multiplies the E of the rows it moves, a threshold t multiplies all by e^-t, and
sum log(1 + E) is the log of a product of many factors. So a search needs one exponential per row.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from . import Float32, Float64, kernel
from .search import (
    ALL_FIRE,
    Band,
    Features,
    Fit,
    Move,
    Sample,
    Tries,
    bracket,
    count_at_most,
    gather_band,
    length,
    longest_step,
)
from .sorting import ascending, in_order

FIXED_POINT = 2.0**32  # what cross-entropy is multiplied by to become an integer
STEEPEST = 80.0  # logits beyond are cut: e^80 squared is still a number
LANES = 32


class Logits(NamedTuple):
    """A batch as the final node sees it, with bias 0."""

    values: Float64  # (m,), projections p
    odds: Float64  # (m,), e^p
    positive: float  # rows of class 1
    total: float  # sum of p over them


@kernel
def softplus(f: float) -> float:
    """Return log(1 + e^f)."""
    return float(max(f, 0.0) + np.log1p(np.exp(-abs(f))))


@kernel
def firing_gain(rest: float, weight: float, y: bool) -> int:
    """Return the cross-entropy that a unit saves by firing, in fixed point."""
    saved = softplus(rest) - softplus(rest + weight) + (weight if y else 0.0)
    return int(np.int64(np.rint(saved * FIXED_POINT)))


@kernel
def loss_and_slope(logits: Logits, threshold: float) -> tuple[float, float]:
    """Return the cross-entropy of the batch at that threshold, summed, and its derivative by the threshold."""
    scale, odds, size = np.exp(-threshold), logits.odds, logits.odds.size
    top = 0.0
    for i in range(size):
        top = max(top, odds[i])
    largest = np.log1p(top * scale)
    rounds = max(1, int(600 / max(largest, 1e-3)))  # factors before a product might overflow
    product, fired = np.ones(LANES), np.zeros(LANES)
    total = 0.0
    for block in range(size // LANES):
        for lane in range(LANES):
            odd = odds[block * LANES + lane] * scale
            product[lane] *= 1 + odd
            fired[lane] += odd / (1 + odd)
        if block % rounds == rounds - 1:
            for lane in range(LANES):
                total += np.log(product[lane])
                product[lane] = 1.0
    for i in range(size - size % LANES, size):
        odd = odds[i] * scale
        total += np.log1p(odd)
        fired[0] += odd / (1 + odd)
    firing = 0.0
    for lane in range(LANES):
        total += np.log(product[lane])
        firing += fired[lane]
    return total - logits.total + logits.positive * threshold, logits.positive - firing


@kernel
def lowest_loss(logits: Logits, thresholds: Float64) -> tuple[int, float]:
    """Return the place of the best of ascending thresholds, and its loss: the loss is convex in the threshold."""
    low, high = 0, thresholds.size - 1
    while low < high:  # the first threshold at which the loss no longer falls
        middle = (low + high) // 2
        if loss_and_slope(logits, thresholds[middle])[1] >= 0:
            high = middle
        else:
            low = middle + 1
    loss = loss_and_slope(logits, thresholds[low])[0]
    if low > 0:
        before = loss_and_slope(logits, thresholds[low - 1])[0]
        if before <= loss:
            return low - 1, before
    return low, loss


@kernel
def separating(ordered: Float32, below: float, gap: float) -> Float64:
    """Return the midpoints of neighbours further apart than `gap`, after that of `below` and the first."""
    found, size, previous = np.empty(ordered.size), 0, below
    for value in ordered:
        if value - previous > gap:
            found[size] = 0.5 * (previous + value)
            size += 1
        previous = np.float64(value)
    return found[:size]


@kernel
def window_thresholds(moved: Float32, band: Band, guess: float, gap: float) -> Float64:
    """Return the thresholds between distinct neighbours in the window of ranks, after a step, ascending."""
    low, high, rank = bracket(moved, band, guess, gap)
    inside, size = np.empty(moved.size, np.float32), 0
    for i in range(moved.size):
        if low < moved[i] <= high:
            inside[size] = moved[i]
            size += 1
    ordered = in_order(inside[:size], ascending(inside[:size]))
    start = band.first - rank
    below = ordered[0] - 2 * max(ALL_FIRE, gap) if start <= 0 else np.float64(ordered[start - 1])
    return separating(ordered[max(start, 0) : band.last - rank + 1], below, gap)


@kernel
def moved_logits(logits: Logits, column: Float32, step: float, positive: float, odds: Float64) -> Logits:
    """Return the batch after a step on a unit that fires where `column` is 1, `positive` times in class 1."""
    factor = np.exp(step) - 1
    for i in range(odds.size):
        odds[i] = logits.odds[i] * (1 + factor * column[i])
    return Logits(logits.values, odds, logits.positive, logits.total + step * positive)


@kernel
def best_step(logits: Logits, y: Float32, band: Band, fit: Fit, loss: float, features: Features, tries: Tries) -> Move:
    """Search all steps of the final node; ties go to the first. Columns of `features` are the batch's rows.

    The loss is convex, so at the end of a window it is at least that of its middle minus slope times distance:
    most candidates end there.
    """
    best, move = np.inf if tries.forced else loss, Move(-1, 0.0, 1.0, fit.threshold)
    odds, moved = np.empty(y.size), np.empty(band.rows.size, np.float32)
    for sign in (1.0, -1.0):
        for coordinate in tries.coordinates:
            column, step = features.x[coordinate], sign * tries.size
            positive, pull = 0.0, 0.0
            for i in range(y.size):
                positive += column[i] * y[i]
            for i in range(band.near.size):
                pull += column[band.rows[band.near[i]]] / band.near.size
            for i in range(moved.size):
                moved[i] = band.values[i] + np.float32(step) * column[band.rows[i]]
            thresholds = window_thresholds(moved, band, fit.threshold + step * pull, features.gap)
            if thresholds.size == 0:
                continue
            after = moved_logits(logits, column, step, positive, odds)
            middle = thresholds[thresholds.size // 2]
            reached, slope = loss_and_slope(after, middle)
            distance = max(thresholds[-1] - middle, middle - thresholds[0])
            if reached - abs(slope) * distance >= best:
                continue
            place, reached = lowest_loss(after, thresholds)
            if reached < best:
                best, move = reached, Move(coordinate, step, 1.0, thresholds[place])
    return move


@kernel
def as_logits(values: Float64, y: Float32) -> Logits:
    """Return the batch of these projections and labels, cut where exponentials would overflow."""
    cut, odds, positive, total = np.empty(values.size), np.empty(values.size), 0.0, 0.0
    for i in range(values.size):
        cut[i] = min(max(values[i], -STEEPEST), STEEPEST)
        odds[i] = np.exp(cut[i])
        positive += y[i]
        total += cut[i] * y[i]
    return Logits(cut, odds, positive, total)


def descend_logistic(weights: Float64, values: Float64, y: Float32, features: Features, tries: Tries) -> Move:
    """Refit the final node's threshold to cross-entropy, then take its best step, in place, if one gains.

    `values`, `y` and the columns of `features` belong to the rows of one batch.
    """
    features = features._replace(gap=features.gap * length(weights))
    logits, gap = as_logits(values, y), features.gap
    projections = values.astype(np.float32)
    sample = Sample(np.arange(values.size, dtype=np.uint32), projections, np.zeros(values.size, np.int64))
    order = ascending(projections)
    ordered = in_order(projections, order)
    thresholds = separating(ordered, float(ordered[0]) - 2 * max(ALL_FIRE, gap), gap)
    place, loss = lowest_loss(logits, thresholds)
    threshold = float(thresholds[place])
    rank, _ = count_at_most(projections, np.float32(threshold), np.float32(threshold))
    fit = Fit(rank, threshold, 0)
    band = gather_band(sample, order, fit, tries.window, longest_step(features, tries), gap)
    move = best_step(logits, y, band, fit, loss, features, tries)
    if move.coordinate >= 0:
        weights[move.coordinate] += move.step
    return move
