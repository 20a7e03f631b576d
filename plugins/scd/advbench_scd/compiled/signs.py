"""The final node of signs: its projections are whole numbers, so a histogram holds all that a search asks for.

Every threshold between distinct values is tried, for the refit and for every flip: there are at most 2 h + 1.
"""

from __future__ import annotations

import numpy as np

from . import Bool, Float32, Float64, Int64, UInt32, kernel
from .logistic import FIXED_POINT, softplus
from .search import NEVER, Move, Tries


@kernel
def worth(hidden: int, gains: Int64, cross_entropy: bool) -> Int64:
    """Return what a row of each class is worth at a logit of k/2, (2, 8 h + 3), k from -(4 h + 1) up."""
    reach = 4 * hidden + 1
    table = np.zeros((2, 2 * reach + 1), np.int64)
    for k in range(-reach, reach + 1):
        for y in range(2):
            if cross_entropy:
                table[y, k + reach] = np.int64(np.rint((y * k / 2 - softplus(k / 2)) * FIXED_POINT))
            elif k > 0:
                table[y, k + reach] = gains[y]
    return table


@kernel
def best_threshold(counts: Int64, table: Int64) -> tuple[int, float]:
    """Return the largest worth of counts (2, 2 h + 1) of values -h..h, and the threshold; the lowest wins ties."""
    hidden, reach = (counts.shape[1] - 1) // 2, (table.shape[1] - 1) // 2
    best, threshold, previous = NEVER, 0.0, -1
    for place in range(counts.shape[1]):
        if counts[0, place] + counts[1, place] == 0:
            continue
        doubled = 2 * place - 1 if previous < 0 else place + previous  # twice the threshold, from -h up
        previous, total = place, 0
        for other in range(counts.shape[1]):
            k = 2 * other - doubled + reach
            total += counts[0, other] * table[0, k] + counts[1, other] * table[1, k]
        if total > best:
            best, threshold = total, doubled / 2 - hidden
    return best, threshold


@kernel
def histograms(values: Float64, y: Bool, batch: UInt32, fires: Float32) -> tuple[Int64, Int64]:
    """Return how many rows of a batch have each label and value, (2, 2 h + 1), and those that fire each unit.

    values and y of all rows (n,), fires (h, n). Rows are sorted by label and value first: sums need no table.
    """
    hidden = fires.shape[0]
    width = 2 * hidden + 1
    starts = np.zeros(2 * width + 1, np.int64)
    places, grouped = np.empty(batch.size, np.int64), np.empty(batch.size, np.uint32)
    for i in range(batch.size):
        places[i] = int(np.rint(values[batch[i]])) + hidden + width * int(y[batch[i]])
        starts[places[i] + 1] += 1
    for place in range(2 * width):
        starts[place + 1] += starts[place]
    free = starts.copy()
    for i in range(batch.size):
        grouped[free[places[i]]] = batch[i]
        free[places[i]] += 1
    counts, firing = np.empty((2, width), np.int64), np.zeros((hidden, 2, width), np.int64)
    for place in range(2 * width):
        counts[place // width, place % width] = starts[place + 1] - starts[place]
    for j in range(hidden):
        column = fires[j]
        for place in range(2 * width):
            count = np.float32(0)
            for i in range(starts[place], starts[place + 1]):
                count += column[grouped[i]]
            firing[j, place // width, place % width] = int(count)
    return counts, firing


@kernel
def descend_signs(
    weights: Float64, counts: Int64, firing: Int64, gains: Int64, cross_entropy: bool, tries: Tries
) -> Move:
    """Refit the threshold of the final node of signs, then flip the best one, in place, if that gains.

    counts, firing: the histograms of one batch; gains: see Plan.
    """
    table = worth(weights.size, gains, cross_entropy)
    fit, threshold = best_threshold(counts, table)
    best, move = NEVER if tries.forced else fit, Move(-1, 0.0, 1.0, threshold)
    for j in tries.coordinates:
        step = int(np.rint(-2 * weights[j]))
        moved = counts.copy()
        for y in range(2):
            for place in range(counts.shape[1]):
                if firing[j, y, place]:
                    moved[y, place] -= firing[j, y, place]
                    moved[y, place + step] += firing[j, y, place]
        gain, threshold = best_threshold(moved, table)
        if gain > best:
            best, move = gain, Move(j, float(step), 1.0, threshold)
    if move.coordinate >= 0:
        weights[move.coordinate] += move.step
    return move
