"""Train SCD01 votes (paper: openreview N07ebsD-lHp, section 2.1): the walk of one network, and many in threads.

Where the paper differs from its supplement and released code, this follows those two: refitted thresholds are always
adopted, a step is taken if it gains strictly on the batch, nothing is rolled back, and the iterate that was best on
the full training set is returned. The objective is balanced accuracy in the first fifth of the iterations, then plain
plus balanced accuracy. The best is forgotten at that switch: the reference keeps it, but the first value of the
second objective, a sum of two, exceeds it anyway. Left out is the reference's first sweep over all biases, which
sets those that do not help to 0; the paper starts with the medians alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Event
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .compiled import Float32, Int64
from .draws import draw_batch
from .kernels import ROUNDING, Features
from .walk import Memory, Network, Plan, Rows, advance, fire, project, score

BALANCED_SHARE = 0.2  # of the iterations
WORK_PER_CALL = 2**26  # rows times coordinates between two looks at `should_stop`: about a tenth of a second
ROWS_OF_OVERHEAD = 2000  # a coordinate costs as much as this many rows even if there are none


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How one vote is trained; the defaults are the paper's and its released code's for CIFAR-10."""

    hidden: int = 20
    iterations: int = 1000
    batch_fraction: float = 0.75  # of the rows of each class
    step_hidden: float = 0.17
    step_final: float = 0.2
    features: int = 128  # coordinates tried per hidden step, all if there are fewer
    window: int = 20  # ranks tried on each side of the refitted threshold
    initial_bias: Literal["mean", "median"] = "mean"  # paper: -median of the projections; released code: +mean

    def __post_init__(self) -> None:
        for name in ("hidden", "iterations", "features", "window"):
            if getattr(self, name) < 1:
                raise ValueError(f"scd: {name} must be at least 1, got {getattr(self, name)}. Raise it.")


@dataclass(frozen=True)
class Vote:
    """A trained network. Unit j fires iff weights[j].x + biases[j] > 0; class 1 iff final.H + threshold > 0."""

    weights: Float32  # (h, d), rows of unit norm
    biases: Float32  # (h,)
    final: Float32  # (h,), of unit norm
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


def _prepare(x: Float32, y: NDArray[Any]) -> Rows:
    """Check the training set, (d, n) and (n,), once for all votes."""
    if y.shape != x.shape[1:]:
        raise ValueError(f"scd: labels must be one per row, got {y.shape} for {x.shape[1]} rows. Give y (n,).")
    found = np.unique(y)
    if not np.isin(found, (0, 1)).all():
        raise ValueError(f"scd: labels must be 0 or 1, got {found[:5].tolist()}. Choose and relabel two classes.")
    if found.size < 2:
        raise ValueError(f"scd: labels must contain both classes, got only class {int(found[0])}. Train on both.")
    longest = math.sqrt(np.einsum("dn,dn->n", x, x).max())
    if not math.isfinite(longest):
        raise ValueError("scd: features must be finite, got NaN, infinity or an overflow. Clean or scale the data.")
    # The smallest positive gap keeps the searches finite on data that are zero everywhere.
    features = Features(x, x.max(axis=1) - x.min(axis=1), max(ROUNDING * longest, 1e-30))
    return Rows(features, y.astype(np.bool_))


def _phases(rows: Rows, settings: Settings) -> list[tuple[Plan, int]]:
    """Return the plan and the number of iterations of each objective."""
    counts = np.bincount(rows.y, minlength=2)
    sizes = np.minimum(counts, np.maximum(2, (settings.batch_fraction * counts).astype(np.int64)))
    features = min(settings.features, rows.features.spans.size)
    balanced = int(BALANCED_SHARE * settings.iterations)
    phases = []
    for plain, iterations in ((False, balanced), (True, settings.iterations - balanced)):
        gains = class_weights(sizes, plain=plain) * np.array([-1, 1])
        weights = class_weights(counts, plain=plain)
        # Nothing can replace a perfect iterate, except that the second objective starts afresh.
        perfect = int(counts @ weights) if plain else 2**62
        steps = settings.step_hidden, settings.step_final, settings.window
        phases.append((Plan(sizes, counts, gains, weights, perfect, features, *steps), iterations))
    return phases


def _start(rows: Rows, settings: Settings, seed: int, plan: Plan) -> tuple[Network, Memory]:
    """Draw weights from N(0, 1), scale them to unit norm, and set the biases on a first batch."""
    (features, size), hidden = rows.features.x.shape, settings.hidden
    rng = np.random.Generator(np.random.PCG64(seed))
    weights, final = rng.standard_normal((hidden, features)), rng.standard_normal(hidden)
    weights /= np.sqrt((weights**2).sum(axis=1, keepdims=True))
    final /= np.sqrt((final**2).sum())
    network = Network(weights, np.zeros(hidden), final, np.zeros(1))
    memory = Memory(
        projections=np.empty((hidden, size)),
        fires=np.empty((hidden, size), np.float32),
        scores=np.empty(size),
        random=rng.integers(2**64, size=1, dtype=np.uint64),
        coordinates=np.arange(features),
        record=np.zeros(3, np.int64),
    )
    project(weights, rows.features.x, memory.projections)
    batch = memory.projections[:, draw_batch(memory.random, rows.y, plan.sizes, plan.counts)]
    biases = -np.median(batch, axis=1) if settings.initial_bias == "median" else batch.mean(axis=1)
    network.biases[:] = biases.astype(np.float32)
    for unit in range(hidden):
        fire(network, memory, unit)
    score(network, memory)
    return network, memory


def _train(rows: Rows, settings: Settings, seed: int, should_stop: Callable[[], None] | None) -> Vote:
    phases = _phases(rows, settings)
    network, memory = _start(rows, settings, seed, phases[0][0])
    best = Network(*(part.copy() for part in network))
    for plan, iterations in phases:
        memory.record[0] = -1
        work = (rows.y.size + ROWS_OF_OVERHEAD) * (plan.features + settings.hidden)
        per_call = max(1, WORK_PER_CALL // work)
        for done in range(0, iterations, per_call):
            if should_stop is not None:
                should_stop()
            advance(rows, network, best, memory, plan, min(per_call, iterations - done))
    weights, biases, final, threshold = (part.astype(np.float32) for part in best)
    return Vote(weights, biases, final, threshold.reshape(()), float(memory.record[1:].sum() / rows.y.size))


def train_vote(
    x_feature_major: Float32,
    y: NDArray[Any],
    settings: Settings,
    seed: int,
    should_stop: Callable[[], None] | None = None,
) -> Vote:
    """Train one network on x float32 (d, n) and y in {0, 1} (n,); equal arguments give bit-equal arrays.

    `should_stop` is called about ten times a second and stops the training by raising.
    """
    return _train(_prepare(np.require(x_feature_major, np.float32, ["C", "W"]), y), settings, seed, should_stop)


def train_votes(
    x: Float32,
    y: NDArray[Any],
    settings: Settings,
    seeds: Sequence[int],
    threads: int,
    progress: Callable[[int, int], None],
) -> list[Vote]:
    """Train one network per seed on x float32 (n, d) and y in {0, 1} (n,), in the order of `seeds`.

    `progress(votes done, votes in all)` is called from this thread. Threads change nothing but the time.
    """
    rows = _prepare(np.require(x.T, np.float32, ["C", "W"]), y)
    stopped = Event()

    def stop() -> None:
        if stopped.is_set():
            raise InterruptedError

    with ThreadPoolExecutor(threads) as pool:
        try:
            votes = [pool.submit(_train, rows, settings, seed, stop) for seed in seeds]
            waiting = set(votes)
            while waiting:
                # A timeout lets signals through on every platform.
                done, waiting = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED)
                for vote in done:
                    vote.result()  # raises what the vote raised
                if done:
                    progress(len(votes) - len(waiting), len(votes))
            return [vote.result() for vote in votes]
        except BaseException:
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
