"""How long sign networks take to train and to answer, on CIFAR-10 if it has been fetched, else on noise."""

import os
import resource
import time
from collections.abc import Iterator
from functools import partial

import numpy as np
import torch
from torch import Tensor

from advbench import DataAbsent
from advbench.builtin.datasets import Digits
from advbench_data.cifar import Cifar10
from advbench_scd.ensemble import train_votes
from advbench_scd.network import SignVotes
from advbench_scd.settings import Settings
from advbench_scd.training import Vote

from .harness import Figure, Goal, at_most, below, figure, in_turn, ratios, seconds, step

VOTES = 100
ROWS = (1, 16, 128, 1024)


def at_least(limit: float) -> Goal:
    return Goal(f">= {limit:g}", lambda value: value >= limit)


def figures() -> Iterator[Figure]:
    """One vote on one core; 100 votes on all cores, their accuracy and memory; 100 votes answering at once."""
    x, y, more = _data()

    def train(seeds: range, threads: int) -> list[Vote]:
        named = {str(seed): seed for seed in seeds}
        return train_votes(x, y, Settings(), named, threads, lambda done, total: None)

    with step("scd: compiling"):
        train_votes(x[:100], y[:100], Settings(iterations=10), {"0": 0}, 1, lambda done, total: None)
    with step("scd: three votes"):
        yield figure(
            f"one vote, {len(x)} x 3072, one core (s)", [seconds(partial(train, range(s, s + 1), 1)) for s in range(3)]
        )
    threads = min(2, os.cpu_count() or 1)
    votes: list[Vote] = []
    with step(f"scd: {VOTES} votes"):
        before = time.process_time()
        taken = seconds(lambda: votes.extend(train(range(VOTES), threads)))
        busy = time.process_time() - before
    yield figure(f"{VOTES} votes of 1000 iterations, {threads} cores (s)", taken, at_most(240))
    yield figure(f"{VOTES} votes of 1000 iterations, processor time (s)", busy)
    yield figure("peak memory (GiB)", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, below(1.5))
    network = SignVotes.of([votes])
    if more is not None:
        inputs, labels = more
        right = torch.cat([network(part).argmax(dim=1) for part in torch.split(inputs, 256)]) == labels
        yield figure("test accuracy, CIFAR-10 0 against 1", float(right.double().mean()), at_least(0.865))
    yield from _answering(votes, torch.from_numpy(x))
    small = Digits(classes=(3, 8)).load("train")
    digits, labels = small.x.flatten(1), small.y.numpy()
    named = {str(seed): seed for seed in range(VOTES)}
    with step(f"scd: {VOTES} votes on digits"):
        few = train_votes(digits.numpy(), labels, Settings(iterations=50), named, threads, lambda done, total: None)
    yield from _answering(few, digits.repeat(-(-max(ROWS) // len(digits)), 1))


def _answering(votes: list[Vote], x: Tensor) -> Iterator[Figure]:
    """All votes at once against vote after vote: in torch, and in numpy with float64.

    The product of all rows with all weights alone is part of both loops, and bounds what can be gained.
    """
    network, double = SignVotes.of([votes]), [_double(vote) for vote in votes]
    single = [_single(vote) for vote in votes]
    for rows in ROWS:
        points = x[:rows]
        wide, expected = points.double().numpy(), _one_by_one(single, points)
        whole, loop, numpys, product = in_turn(
            15 if rows <= 128 else 5,
            lambda p=points: torch.cat([network(part) for part in torch.split(p, 256)]),  # as its callers do
            lambda p=points: _one_by_one(single, p),
            lambda p=wide: _one_by_one_in_numpy(double, p),
            lambda p=points: torch.addmm(network.biases, p, network.weights.t()),
        )
        if not torch.equal(network(points)[:, 1], expected):
            raise AssertionError(f"votes at once and one by one must agree on {rows} rows of {x.shape[1]}")
        of = f"{rows} rows of {x.shape[1]}: "
        yield figure(of + "all votes at once (ms)", [1000 * value for value in whole])
        yield figure(
            of + "vote by vote in torch over all at once", ratios(loop, whole), at_least(5) if rows == 16 else None
        )
        yield figure(of + "vote by vote in torch over the product alone", ratios(loop, product), note="a ceiling")
        yield figure(of + "vote by vote in numpy, float64, over all at once", ratios(numpys, whole))


def _data() -> tuple[np.ndarray, np.ndarray, tuple[Tensor, Tensor] | None]:
    try:
        data = Cifar10(classes=(0, 1))
        train, test = data.load("train"), data.load("eval")
    except DataAbsent:
        rng = np.random.default_rng(0)
        y = np.arange(10_000) % 2
        pattern = rng.normal(size=3072).astype(np.float32) * 0.02
        x = np.clip(rng.random((10_000, 3072), dtype=np.float32) + pattern * (2 * y[:, None] - 1), 0, 1)
        # Some labels are wrong, or a perfect network would end the walk early.
        return x, y ^ (rng.random(10_000) < 0.1), None
    return train.x.flatten(1).numpy(), train.y.numpy(), (test.x.flatten(1), test.y)


def _single(vote: Vote) -> tuple[Tensor, Tensor, Tensor, float]:
    parts = vote.weights.T, vote.biases, vote.final
    weights, biases, final = (torch.from_numpy(part) for part in parts)
    return weights, biases, final, float(vote.threshold)


def _double(vote: Vote) -> tuple[np.ndarray, ...]:
    return tuple(part.astype(np.float64) for part in (vote.weights.T, vote.biases, vote.final, vote.threshold))


def _one_by_one(votes: list[tuple[Tensor, Tensor, Tensor, float]], x: Tensor) -> Tensor:
    """Each network by itself, as one would write it down."""
    counts = torch.zeros(len(x), dtype=torch.int64)
    for weights, biases, final, threshold in votes:
        counts += (x @ weights + biases > 0).float() @ final + threshold > 0
    return counts


def _one_by_one_in_numpy(votes: list[tuple[np.ndarray, ...]], x: np.ndarray) -> np.ndarray:
    counts = np.zeros(len(x), np.int64)
    for weights, biases, final, threshold in votes:
        counts += (x @ weights + biases > 0) @ final + threshold > 0
    return counts
