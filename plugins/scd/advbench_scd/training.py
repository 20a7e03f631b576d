"""Train one vote (paper: openreview N07ebsD-lHp, section 2.1): check the data, start a network, let it walk.

Where the paper differs from its supplement and released code, the default follows those two: refitted thresholds are
always adopted, a step is taken if it gains strictly on the batch, nothing is rolled back, and the iterate that was
best on the full training set is returned. The best is forgotten when the objective changes: the reference keeps it,
but the first value of the second objective, a sum of two, exceeds it anyway. Cross-entropy guides the searches of its
variants alone: their best iterate too is that of best accuracy, as released.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .compiled import Float32, Int64
from .compiled.draws import draw_batch
from .compiled.nodes import Memory, Network, Plan, Rows, project
from .compiled.search import FREE, NEVER, ROUNDING, SIGNS, UNIT, Features
from .settings import Settings
from .walk import advance, begin

BALANCED_SHARE = 0.2  # of the iterations


@dataclass(frozen=True)
class Vote:
    """A trained network. Unit j fires iff weights[j].x + biases[j] > 0; class 1 iff final.H + threshold > 0.

    Rows of weights and final have unit norm for 01, are free for ce, and are signs for the bnn variants.
    """

    weights: Float32  # (h, d)
    biases: Float32  # (h,)
    final: Float32  # (h,)
    threshold: Float32  # ()
    accuracy: float  # plain accuracy on the training set


def class_weights(counts: Int64, *, plain: bool) -> Int64:
    """Return integer weights (2,) of a right answer in each class: balanced accuracy, or plain plus balanced.

    Up to a common factor, balanced accuracy is right_0 / n_0 + right_1 / n_1 and plain is 2 (right_0 + right_1) / n.
    """
    negative, positive = (int(count) for count in counts)
    weights = [positive, negative]
    if plain:
        weights = [2 * negative * positive + (negative + positive) * weight for weight in weights]
    divisor = math.gcd(*weights)
    return np.array([weight // divisor for weight in weights])


def prepare(x: Float32, y: NDArray[Any]) -> Rows:
    """Check the training set, (d, n) and (n,), once for all votes. Raises ValueError saying what is wrong."""
    if x.ndim != 2 or not x.size:
        raise ValueError(f"scd: data must be numbers in rows and columns, got shape {x.T.shape}. Give x (n, d).")
    if y.shape != x.shape[1:]:
        raise ValueError(f"scd: labels must be one per row, got {y.shape} for {x.shape[1]} rows. Give y (n,).")
    found = np.unique(y)
    if not np.isin(found, (0, 1)).all():
        raise ValueError(f"scd: labels must be 0 or 1, got {found[:5].tolist()}. Choose and relabel two classes.")
    if found.size < 2:
        raise ValueError(f"scd: labels must contain both classes, got only class {int(found[0])}. Train on both.")
    counts = np.bincount(y.astype(np.int64), minlength=2)
    if counts.min() < 2:
        raise ValueError(
            f"scd: each class must have at least 2 rows, got 1 of class {int(counts.argmin())} and {counts.max()} of"
            f" class {int(counts.argmax())}. Every batch holds 2 of each: give more, or leave the class out."
        )
    spans = x.max(axis=1) - x.min(axis=1)
    longest = math.sqrt(np.einsum("dn,dn->n", x, x).max())
    if not math.isfinite(longest):
        raise ValueError("scd: features must be finite, got NaN, infinity or an overflow. Clean or scale the data.")
    if not spans.any():
        raise ValueError(
            f"scd: features must vary between rows, got the same values in all {x.shape[1]}. Nothing tells them apart."
        )
    # The smallest positive gap keeps the searches finite on data that are almost zero everywhere.
    return Rows(Features(x, spans, max(ROUNDING * longest, 1e-30)), y.astype(np.bool_))


def _phases(rows: Rows, settings: Settings) -> list[tuple[Plan, int]]:
    """Return the plan and the number of iterations of each objective."""
    counts = np.bincount(rows.y, minlength=2)
    paper = settings.mode == "paper"
    wanted = settings.batch_fraction * (np.full(2, rows.y.size / 2) if paper else counts)
    sizes = np.minimum(counts, np.maximum(2, wanted.astype(np.int64)))
    features = min(settings.features, rows.features.spans.size)
    kind = SIGNS if settings.binary else FREE if settings.cross_entropy else UNIT
    balanced = 0 if paper else int(BALANCED_SHARE * settings.iterations)
    phases = []
    for plain, iterations in ((False, balanced), (True, settings.iterations - balanced)):
        weigh = np.ones(2, np.int64) if paper else class_weights(sizes, plain=plain)
        weights = np.ones(2, np.int64) if paper else class_weights(counts, plain=plain)
        # Nothing can replace a perfect iterate, except that the second objective starts afresh.
        ends = plain and not (paper and settings.cross_entropy)
        perfect = int(counts @ weights) if ends else -NEVER
        steps = float(settings.step_hidden), float(settings.step_final), settings.window
        gains = weigh * np.array([-1, 1])
        plan = Plan(
            kind, settings.cross_entropy, paper, sizes, counts, gains, weights, perfect, features, *steps
        )  # fmt: skip
        if iterations:
            phases.append((plan, iterations))
    return phases


def _start(rows: Rows, settings: Settings, seed: int, plan: Plan) -> tuple[Network, Memory]:
    """Draw weights from N(0, 1), scale them to unit norm or take their signs, and set the biases on a first batch."""
    (features, size), hidden = rows.features.x.shape, settings.hidden
    rng = np.random.Generator(np.random.PCG64(seed))
    weights, final = rng.standard_normal((hidden, features)), rng.standard_normal(hidden)
    if settings.binary:
        weights, final = np.where(weights > 0, 1.0, -1.0), np.where(final > 0, 1.0, -1.0)
    else:
        weights /= np.sqrt((weights**2).sum(axis=1, keepdims=True))
        final /= np.sqrt((final**2).sum())
    network = Network(weights, np.zeros(hidden), final, np.zeros(1))
    memory = Memory(
        projections=np.empty((hidden, size)),
        fires=np.zeros((hidden, size), np.float32),
        scores=np.zeros(size),
        random=rng.integers(2**64, size=1, dtype=np.uint64),
        coordinates=np.arange(features),
        record=np.zeros(3, np.int64),
    )
    project(weights, rows.features.x, memory.projections)
    batch = draw_batch(memory.random, rows.y, plan.sizes, plan.counts)
    seen = memory.projections[:, batch]
    biases = -np.median(seen, axis=1) if settings.initial_bias == "median" else seen.mean(axis=1)
    network.biases[:] = biases.astype(np.float32)
    begin(rows, network, memory, plan, batch, settings.mode == "released")
    return network, memory


def train_prepared(rows: Rows, settings: Settings, seed: int, should_stop: Callable[[], None] | None) -> Vote:
    """As `train_vote`, on data that `prepare` has checked."""
    phases = _phases(rows, settings)
    network, memory = _start(rows, settings, seed, phases[0][0])
    best = Network(*(part.copy() for part in network))
    for plan, iterations in phases:
        if not plan.rollback:
            memory.record[0] = NEVER
        for _ in range(iterations):
            if should_stop is not None:
                should_stop()
            if not advance(rows, network, best, memory, plan):
                break
    weights, biases, final, threshold = (part.astype(np.float32) for part in best)
    return Vote(weights, biases, final, threshold.reshape(()), float(memory.record[1:].sum() / rows.y.size))


def feature_major(x: Float32) -> Float32:
    """(n, d) -> (d, n) in memory, float32, which the searches read."""
    return np.require(x.T, np.float32, ["C", "W"])


def train_vote(
    x: Float32, y: NDArray[Any], settings: Settings, seed: int, should_stop: Callable[[], None] | None = None
) -> Vote:
    """Train one network on x float32 (n, d) and y in {0, 1} (n,); equal arguments give bit-equal arrays.

    `should_stop` is called before every iteration and stops the training by raising.
    """
    return train_prepared(prepare(feature_major(x), y), settings, seed, should_stop)
