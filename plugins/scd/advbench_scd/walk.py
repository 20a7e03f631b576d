"""The walk of one network: draw a batch, improve the final node, improve one hidden unit, keep the best."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .compiled import Bool, Float32, Float64, Int64, UInt32, UInt64, kernel
from .draws import draw, draw_batch, draw_coordinates
from .kernels import ROUNDING, Features, Sample, Tries, descend


class Rows(NamedTuple):
    """The training set."""

    features: Features
    y: Bool  # (n,)


class Network(NamedTuple):
    """Rows of `weights` and `final` have unit norm; `biases` and `threshold` hold float32 values, as inference will."""

    weights: Float64  # (h, d)
    biases: Float64  # (h,)
    final: Float64  # (h,)
    threshold: Float64  # (1,)


class Memory(NamedTuple):
    """What is known of every row, and the random state. In float64, rank-1 updates need no refresh."""

    projections: Float64  # (h, n), w_j.x
    fires: Float32  # (h, n), H in {0, 1}
    scores: Float64  # (n,), v.H
    random: UInt64  # (1,), of the generator in `draw`
    coordinates: Int64  # (d,), a permutation that every draw shuffles further
    record: Int64  # (3,): objective of the best iterate, rows of class 0 and 1 it answers right


class Plan(NamedTuple):
    """How to walk. The class weights turn the rows of each class answered right into an integer objective."""

    sizes: Int64  # (2,), rows of each class in a batch
    counts: Int64  # (2,), rows of each class
    batch_gains: Int64  # (2,), won by answering 1 for a row of each class
    full_weights: Int64  # (2,)
    perfect: int  # objective at which the walk may end
    features: int
    step_hidden: float
    step_final: float
    window: int


@kernel
def project(weights: Float64, x: Float32, projections: Float64) -> None:
    """Write W x, accumulated in float64: blocks of 256 rows stay in cache, four features share a pass over them."""
    features, size = x.shape
    projections[:] = 0
    for start in range(0, size, 256):
        stop = min(start + 256, size)
        for f in range(0, features - 3, 4):
            a, b, c, d = x[f, start:stop], x[f + 1, start:stop], x[f + 2, start:stop], x[f + 3, start:stop]
            for j in range(weights.shape[0]):
                p, q, r, s = weights[j, f], weights[j, f + 1], weights[j, f + 2], weights[j, f + 3]
                block = projections[j, start:stop]
                for i in range(block.size):
                    block[i] += p * a[i] + q * b[i] + r * c[i] + s * d[i]
    for f in range(features - features % 4, features):
        for j in range(weights.shape[0]):
            for i in range(size):
                projections[j, i] += weights[j, f] * x[f, i]


@kernel
def fire(network: Network, memory: Memory, unit: int) -> None:
    """Write H of one unit for all rows."""
    for i in range(memory.scores.size):
        memory.fires[unit, i] = memory.projections[unit, i] + network.biases[unit] > 0


@kernel
def score(network: Network, memory: Memory) -> None:
    """Write v.H for all rows."""
    memory.scores[:] = 0
    for j in range(network.final.size):
        weight = network.final[j]
        for i in range(memory.scores.size):
            memory.scores[i] += weight * memory.fires[j, i]


@kernel
def improve_final(rows: Rows, network: Network, memory: Memory, plan: Plan, batch: UInt32) -> None:
    """Refit c, then try a step of every coordinate of v."""
    hidden = network.final.size
    sample = Sample(batch, np.empty(batch.size, np.float32), np.empty(batch.size, np.int64))
    for i in range(batch.size):
        sample.values[i] = memory.scores[batch[i]]
        sample.gains[i] = plan.batch_gains[np.int64(rows.y[batch[i]])]
    coordinates = draw_coordinates(memory.random, np.arange(hidden), hidden)
    features = Features(memory.fires, np.ones(hidden, np.float32), ROUNDING * np.sqrt(hidden))
    move = descend(network.final, sample, features, Tries(coordinates, plan.step_final, plan.window))
    network.threshold[0] = np.float32(-move.threshold)
    if move.coordinate >= 0:
        score(network, memory)


@kernel
def improve_hidden(rows: Rows, network: Network, memory: Memory, plan: Plan, batch: UInt32, unit: int) -> None:
    """Refit b of one unit, then try steps of randomly drawn coordinates of its w."""
    projections, fires, weight = memory.projections[unit], memory.fires[unit], network.final[unit]
    sample = Sample(batch, np.empty(batch.size, np.float32), np.empty(batch.size, np.int64))
    for i in range(batch.size):
        row = batch[i]
        rest = memory.scores[row] - weight * fires[row] + network.threshold[0]
        change = np.int64(rest + weight > 0) - np.int64(rest > 0)
        sample.values[i] = projections[row]
        sample.gains[i] = change * plan.batch_gains[np.int64(rows.y[row])]
    coordinates = draw_coordinates(memory.random, memory.coordinates, plan.features)
    tries = Tries(coordinates, plan.step_hidden, plan.window)
    move = descend(network.weights[unit], sample, rows.features, tries)
    network.biases[unit] = np.float32(-move.threshold)
    if move.coordinate >= 0:
        feature = rows.features.x[move.coordinate]
        for i in range(feature.size):
            projections[i] = (projections[i] + move.step * feature[i]) / move.norm
    fire(network, memory, unit)
    score(network, memory)


@kernel
def keep_best(rows: Rows, network: Network, best: Network, memory: Memory, plan: Plan) -> None:
    """Copy the network if it does strictly better on the full training set than the best one so far."""
    right = np.zeros(2, np.int64)
    for i in range(rows.y.size):
        right[np.int64(rows.y[i])] += (memory.scores[i] + network.threshold[0] > 0) == rows.y[i]
    objective = right[0] * plan.full_weights[0] + right[1] * plan.full_weights[1]
    if objective > memory.record[0]:
        memory.record[0], memory.record[1], memory.record[2] = objective, right[0], right[1]
        best.threshold[0] = network.threshold[0]
        for j in range(network.final.size):
            best.final[j], best.biases[j] = network.final[j], network.biases[j]
            for f in range(network.weights.shape[1]):
                best.weights[j, f] = network.weights[j, f]


@kernel
def advance(rows: Rows, network: Network, best: Network, memory: Memory, plan: Plan, iterations: int) -> None:
    """Iterate: on a fresh batch, improve the final node, then one random hidden unit; keep the best network."""
    for _ in range(iterations):
        if memory.record[0] >= plan.perfect:
            break
        batch = draw_batch(memory.random, rows.y, plan.sizes, plan.counts)
        improve_final(rows, network, memory, plan, batch)
        unit = draw(memory.random, network.final.size)
        improve_hidden(rows, network, memory, plan, batch, unit)
        keep_best(rows, network, best, memory, plan)
