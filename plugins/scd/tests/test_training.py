"""The compiled searches against brute force, and what training promises its callers."""

from __future__ import annotations

import threading
import time
from _thread import interrupt_main
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from advbench_scd.compiled import draws, search
from advbench_scd.compiled.nodes import project
from advbench_scd.compiled.search import Features, Fit, Sample
from advbench_scd.compiled.sorting import ascending
from advbench_scd.ensemble import train_votes
from advbench_scd.settings import Settings
from advbench_scd.training import Vote, class_weights, train_vote

GAP = 1e-4
SMALL = Settings(hidden=5, iterations=60, features=8)


def problem(rows: int = 300, features: int = 12, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Two overlapping classes, x (n, d) in [0, 1]."""
    rng = np.random.default_rng(seed)
    y = rng.random(rows) < 0.4
    x = 0.25 * y[:, None] * (np.arange(features) % 3 == 0) + 0.75 * rng.random((rows, features))
    return x.astype(np.float32), y


def answers(vote: Vote, x: NDArray[np.float32]) -> NDArray[np.bool_]:
    fires = (x @ vote.weights.T + vote.biases > 0).astype(np.float32)
    return fires @ vote.final + vote.threshold > 0


def parts(vote: Vote) -> list[bytes]:
    return [part.tobytes() for part in (vote.weights, vote.biases, vote.final, vote.threshold)]


def train(x: NDArray[np.float32], y: NDArray[Any], options: Settings = SMALL, seed: int = 0) -> Vote:
    return train_vote(x, y, options, seed)


def named(seeds: Iterable[int]) -> dict[str, int]:
    """Votes by name, as ensembles ask for them."""
    return {str(place): seed for place, seed in enumerate(seeds)}


def brute_force(values: NDArray[np.float32], gains: NDArray[np.int64], ranks: range, gap: float) -> tuple[int, float]:
    """Best (gain, threshold) over the realisable thresholds of these ranks, the lowest rank first."""
    ordered = np.sort(values).astype(float)
    best = (-(2**40), np.nan)
    for rank in ranks:
        if rank == 0:
            threshold = ordered[0] - max(search.ALL_FIRE, gap)
        elif ordered[rank] - ordered[rank - 1] > gap:
            threshold = 0.5 * (ordered[rank - 1] + ordered[rank])
        else:
            continue
        gain = int(gains[values > threshold].sum())
        if gain > best[0]:
            best = (gain, threshold)
    return best


@st.composite
def samples(draw: st.DrawFn) -> tuple[Sample, Features, np.random.Generator]:
    """A batch with ties (coarse grids) or without (fine ones), with gains of both signs and zeros."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows, grid = draw(st.integers(2, 90)), draw(st.sampled_from([2, 7, 50, 10**6]))
    total = rows + draw(st.integers(0, 20))
    x = (rng.integers(-grid, grid, (6, total)) / grid).astype(np.float32)
    x[draw(st.integers(0, 5))] = 0.5
    batch = np.sort(rng.permutation(total)[:rows]).astype(np.uint32)
    values = (rng.integers(-grid, grid, rows) / grid).astype(np.float32)
    gains = rng.integers(-3, 4, rows) * (rng.random(rows) < draw(st.sampled_from([0.1, 0.5, 1.0])))
    return Sample(batch, values, gains), Features(x, np.ptp(x, axis=1), GAP), rng


@settings(deadline=None)
@given(st.lists(st.floats(width=32, allow_nan=False), max_size=300))
def test_sorting_is_stable_and_ascending(numbers: list[float]) -> None:
    values = np.array(numbers, np.float32) + np.float32(0)  # + 0 makes -0 plain 0: a bitwise sort tells them apart
    assert np.array_equal(ascending(values), np.argsort(values, kind="stable"))


@settings(deadline=None)
@given(samples())
def test_refitted_threshold_equals_brute_force(case: tuple[Sample, Features, np.random.Generator]) -> None:
    sample, _, _ = case
    fit = search.fit_threshold(sample, ascending(sample.values), GAP)
    gain, threshold = brute_force(sample.values, sample.gains, range(sample.values.size), GAP)
    assert (fit.gain, fit.threshold) == (gain, threshold)
    assert fit.rank == np.count_nonzero(sample.values <= threshold)


def best_move_by_brute_force(
    sample: Sample, fit: Fit, x: NDArray[np.float32], coordinates: NDArray[np.int64], weights: NDArray[np.float64],
    size: float, window: int,
) -> tuple[int, float, float, int]:  # fmt: skip
    """(coordinate, step, threshold of the unit-norm projections, gain); coordinate -1 if nothing beats the refit."""
    best = (-1, 0.0, fit.threshold, fit.gain)
    ranks = range(max(0, fit.rank - window), min(sample.values.size, fit.rank + window))
    for step in (size, -size):
        for coordinate in coordinates:
            moved = sample.values + np.float32(step) * x[coordinate][sample.rows]
            changed = weights.copy()
            changed[coordinate] += step
            norm = float(np.linalg.norm(changed))
            gain, threshold = brute_force(moved, sample.gains, ranks, GAP * norm)
            if gain > best[3]:
                best = (int(coordinate), step, threshold / norm, gain)
    return best


@settings(deadline=None, max_examples=200)
@given(samples(), st.sampled_from([0.01, 0.17, 0.9]), st.sampled_from([1, 3, 20]))
def test_descent_takes_the_best_step_of_all(
    case: tuple[Sample, Features, np.random.Generator], size: float, window: int
) -> None:
    sample, features, rng = case
    weights = rng.standard_normal(6)
    weights /= np.linalg.norm(weights)
    coordinates = rng.permutation(6)[:4]
    fit = search.fit_threshold(sample, ascending(sample.values), GAP)
    coordinate, step, threshold, _ = best_move_by_brute_force(
        sample, fit, features.x, coordinates, weights, size, window
    )
    changed = weights.copy()
    move = search.descend(changed, sample, features, search.Tries(coordinates, search.UNIT, size, window, False))
    assert (move.coordinate, move.step) == (coordinate, step)
    assert move.threshold == pytest.approx(threshold, rel=1e-12)
    assert np.linalg.norm(changed) == pytest.approx(1)


def test_rank_one_projections_equal_the_direct_computation() -> None:
    rng = np.random.default_rng(1)
    x = rng.random((9, 500), dtype=np.float32)
    weights = rng.standard_normal((2, 9))
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    before, after = np.empty((2, 500)), np.empty((2, 500))
    project(weights, x, before)
    assert np.allclose(before, weights @ x, rtol=0, atol=1e-12)
    coordinates = np.arange(9)
    steps, norms = search.possible_steps(weights[1], search.Tries(coordinates, search.UNIT, 0.17, 20, False))
    for sign in range(2):
        for c in coordinates:
            moved = weights.copy()
            moved[1, c] += steps[sign, c]
            moved[1] /= np.linalg.norm(moved[1])
            project(moved, x, after)
            assert np.allclose((before[1] + steps[sign, c] * x[c]) / norms[sign, c], after[1], rtol=0, atol=1e-12)


def test_batches_hold_the_wanted_rows_of_each_class() -> None:
    _, y = problem()
    counts = np.bincount(y)
    state = np.array([7], np.uint64)
    seen = np.zeros(y.size, int)
    for _ in range(400):
        batch = draws.draw_batch(state, y, counts // 2, counts)
        assert (np.diff(batch.astype(int)) > 0).all()
        assert (np.bincount(y[batch]) == counts // 2).all()
        seen[batch] += 1
    assert abs(seen / 400 - 0.5).max() < 0.15  # six standard deviations


def test_objectives_are_balanced_and_plain_plus_balanced_accuracy() -> None:
    counts, right = np.array([30, 120]), np.array([20, 90])
    balanced, plus = 0.5 * (right / counts).sum(), right.sum() / counts.sum() + 0.5 * (right / counts).sum()
    weights = class_weights(counts, plain=False)
    assert right @ weights / (counts @ weights) == pytest.approx(balanced)
    weights = class_weights(counts, plain=True)
    assert 2 * (right @ weights) / (counts @ weights) == pytest.approx(plus)
    assert class_weights(np.array([50, 50]), plain=True).tolist() == [1, 1]


def test_votes_depend_on_their_seed_alone() -> None:
    x, y = problem()
    alone = {seed: parts(train(x, y, seed=seed)) for seed in (3, 1, 2)}
    for threads, seeds in ((1, [1, 2, 3]), (2, [3, 2, 1]), (3, [2, 3, 1, 2])):
        votes = train_votes(np.asfortranarray(x), y, SMALL, named(seeds), threads, lambda done, total: None)
        assert [parts(vote) for vote in votes] == [alone[seed] for seed in seeds]
    assert alone[1] != alone[2]


def test_every_vote_beats_chance_and_reports_its_accuracy() -> None:
    x, y = problem()
    x_new, y_new = problem(seed=1)
    calls: list[tuple[int, int]] = []
    votes = train_votes(x, y, SMALL, named(range(6)), 2, lambda done, total: calls.append((done, total)))
    for vote in votes:
        assert vote.accuracy == (answers(vote, x) == y).mean()
        assert (answers(vote, x_new) == y_new).mean() > 0.7
        assert np.allclose(np.linalg.norm(vote.weights, axis=1), 1)
        assert np.linalg.norm(vote.final) == pytest.approx(1)
        assert [part.dtype for part in (vote.weights, vote.biases, vote.final, vote.threshold)] == [np.float32] * 4
        assert vote.threshold.shape == ()
    assert calls[-1] == (6, 6)
    assert calls == sorted(calls)


def test_separable_classes_are_learnt() -> None:
    rng = np.random.default_rng(0)
    x = rng.random((200, 4), dtype=np.float32)
    x = x[abs(x[:, 0] - x[:, 1]) > 0.1]
    y = x[:, 0] > x[:, 1]
    assert train(x, y, Settings(hidden=5, iterations=300)).accuracy > 0.98


@pytest.mark.parametrize("initial_bias", ["median", "mean"])
def test_constant_features_and_duplicate_rows(initial_bias: str) -> None:
    x, y = problem(80)
    x[:, :6] = 0.5
    x, y = np.repeat(x, 3, axis=0), np.repeat(y, 3)
    vote = train(x, y, Settings(hidden=4, iterations=80, initial_bias=initial_bias))  # type: ignore[arg-type]
    assert vote.accuracy == (answers(vote, x) == y).mean() > 0.6


@pytest.mark.parametrize("features", [1, 3])
def test_four_rows(features: int) -> None:
    x = np.array([[0.1], [0.2], [0.8], [0.9]], np.float32) * np.ones(features, np.float32)
    y = np.array([0, 0, 1, 1], np.int8)
    assert train(x, y, Settings(iterations=50)).accuracy == 1


def test_units_do_not_matter_to_the_scale_of_pixels() -> None:
    x, y = problem()
    vote = train(255 * x, y, Settings(hidden=5, iterations=60, features=8))
    assert vote.accuracy == (answers(vote, 255 * x) == y).mean() > 0.7


def test_bad_input_is_refused_in_words() -> None:
    x, y = problem(10)
    with pytest.raises(ValueError, match="scd: labels must contain both classes, got only class 1. "):
        train(x, np.ones(10, np.int8))
    with pytest.raises(ValueError, match="scd: labels must be 0 or 1, got"):
        train(x, np.where(y, 1, -1))
    with pytest.raises(ValueError, match="scd: labels must be one per row, got"):
        train(x, y[:5])
    with pytest.raises(ValueError, match="scd: features must be finite"):
        train(np.where(x == x[0, 0], np.nan, x), y)
    with pytest.raises(ValueError, match="scd: features must vary between rows, got the same values in all 20"):
        train(np.full((20, 3), 0.3, np.float32), np.arange(20) < 5)
    with pytest.raises(ValueError, match="each class must have at least 2 rows, got 1 of class 1 and 9 of class 0"):
        train(x, np.arange(10) == 3)
    with pytest.raises(ValueError, match="scd: step_hidden must be > 0 and finite, got nan"):
        Settings(step_hidden=float("nan"))
    with pytest.raises(ValueError, match="scd: batch_fraction must be > 0 and <= 1, got 1.5"):
        Settings(batch_fraction=1.5)
    with pytest.raises(ValueError, match="scd: hidden must be at least 1, got 0"):
        Settings(hidden=0)


def test_inputs_and_global_random_state_are_left_alone() -> None:
    x, y = problem()
    x.flags.writeable = y.flags.writeable = False
    before = str(np.random.get_state())
    train_votes(x, y, SMALL, named([0, 1]), 2, lambda done, total: None)
    assert str(np.random.get_state()) == before


def test_interrupt_stops_all_threads_soon() -> None:
    x, y = problem()
    y = np.random.default_rng(0).permutation(y)  # never perfect, so never done early
    train(x, y)  # compiled, so that the clock measures training
    running, timer = threading.active_count(), threading.Timer(0.3, interrupt_main)
    start = time.perf_counter()
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        train_votes(x, y, Settings(iterations=10**7), named(range(4)), 2, lambda done, total: None)
    assert time.perf_counter() - start < 1.5
    timer.join()
    assert threading.active_count() == running
