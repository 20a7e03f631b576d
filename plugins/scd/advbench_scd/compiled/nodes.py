"""What is known of every row of the training set, and the steps of the walk that touch all rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from . import Bool, Float32, Float64, Int64, UInt32, UInt64, kernel
from .logistic import FIXED_POINT, firing_gain, softplus
from .search import Features, Sample


class Rows(NamedTuple):
    """The training set."""

    features: Features
    y: Bool  # (n,)


class Network(NamedTuple):
    """`biases` and `threshold` hold float32 values, as inference will."""

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

    kind: int  # UNIT, FREE or SIGNS, of all vectors
    cross_entropy: bool  # searched for, instead of right answers
    rollback: bool  # keep a node's change only if the loss on the training set falls
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
    """Write H of one unit for all rows, and what it changes in v.H."""
    weight, bias = network.final[unit], network.biases[unit]
    projections, fires = memory.projections[unit], memory.fires[unit]
    for i in range(memory.scores.size):
        now = np.float32(projections[i] + bias > 0)
        memory.scores[i] += weight * (now - fires[i])
        fires[i] = now


@kernel
def score(network: Network, memory: Memory) -> None:
    """Write v.H for all rows."""
    memory.scores[:] = 0
    for j in range(network.final.size):
        weight = network.final[j]
        for i in range(memory.scores.size):
            memory.scores[i] += weight * memory.fires[j, i]


@kernel
def as_final_sees(memory: Memory, plan: Plan, y: Bool, batch: UInt32) -> Sample:
    """Return the batch as the final node sees it, gains of right answers."""
    sample = Sample(batch, np.empty(batch.size, np.float32), np.empty(batch.size, np.int64))
    for i in range(batch.size):
        sample.values[i] = memory.scores[batch[i]]
        sample.gains[i] = plan.batch_gains[np.int64(y[batch[i]])]
    return sample


@kernel
def as_entropy_sees(memory: Memory, y: Bool, batch: UInt32) -> tuple[Float64, Float32, Float32]:
    """Return projections (m,), labels (m,) and fires (h, m) of the batch, for the cross-entropy of the final node."""
    hidden = memory.fires.shape[0]
    values, labels = np.empty(batch.size), np.empty(batch.size, np.float32)
    fires = np.empty((hidden, batch.size), np.float32)
    for i in range(batch.size):
        values[i], labels[i] = memory.scores[batch[i]], y[batch[i]]
    for j in range(hidden):
        for i in range(batch.size):
            fires[j, i] = memory.fires[j, batch[i]]
    return values, labels, fires


@kernel
def as_hidden_sees(rows: Rows, network: Network, memory: Memory, plan: Plan, batch: UInt32, unit: int) -> Sample:
    """Return the batch as one hidden unit sees it."""
    sample = Sample(batch, np.empty(batch.size, np.float32), np.empty(batch.size, np.int64))
    projections, fires, weight = memory.projections[unit], memory.fires[unit], network.final[unit]
    for i in range(batch.size):
        row = batch[i]
        rest = memory.scores[row] - weight * fires[row] + network.threshold[0]
        sample.values[i] = projections[row]
        if plan.cross_entropy:
            sample.gains[i] = firing_gain(rest, weight, rows.y[row])
        else:
            change = np.int64(rest + weight > 0) - np.int64(rest > 0)
            sample.gains[i] = change * plan.batch_gains[np.int64(rows.y[row])]
    return sample


@kernel
def move_projections(projections: Float64, feature: Float32, step: float, norm: float) -> None:
    """Write the projections after a step of one coordinate, scaled."""
    for i in range(feature.size):
        projections[i] = (projections[i] + step * feature[i]) / norm


@kernel
def batch_gain(rows: Rows, network: Network, memory: Memory, plan: Plan, batch: UInt32) -> int:
    """Return the objective on a batch, up to what no unit can change."""
    total = 0
    for row in batch:
        logit, y = memory.scores[row] + network.threshold[0], rows.y[row]
        if plan.cross_entropy:
            total -= int(np.int64(np.rint((softplus(logit) - (logit if y else 0.0)) * FIXED_POINT)))
        elif logit > 0:
            total += plan.batch_gains[np.int64(y)]
    return total


@kernel
def improved(rows: Rows, network: Network, memory: Memory, plan: Plan) -> bool:
    """Note in the record if the network does strictly better on the training set than the best one so far."""
    right, loss = np.zeros(2, np.int64), 0
    entropy = plan.cross_entropy and plan.rollback
    for i in range(rows.y.size):
        logit = memory.scores[i] + network.threshold[0]
        right[np.int64(rows.y[i])] += (logit > 0) == rows.y[i]
        if entropy:
            loss += int(np.int64(np.rint((softplus(logit) - (logit if rows.y[i] else 0.0)) * FIXED_POINT)))
    objective = -loss if entropy else right[0] * plan.full_weights[0] + right[1] * plan.full_weights[1]
    if objective <= memory.record[0]:
        return False
    memory.record[0], memory.record[1], memory.record[2] = objective, right[0], right[1]
    return True
