"""Cross-entropy and binary weights against brute force, and what each variant and mode promises."""

from itertools import pairwise

import numpy as np
import pytest

from advbench_scd.compiled import logistic, search, signs
from advbench_scd.settings import PRESETS, Settings, iterations_for, settle
from advbench_scd.training import train_vote

AUTO = dict.fromkeys(
    ("iterations", "batch_fraction", "step_hidden", "step_final", "features", "window", "initial_bias"), "auto"
)


def entropy(logits, y):
    return float((np.logaddexp(0, logits) - y * logits).sum())


def final_node(seed, rows=120, hidden=5):
    """A batch as a final node sees it: fires (h, m), labels that lean on them, free weights."""
    rng = np.random.default_rng(seed)
    fires = (rng.random((hidden, rows)) < 0.5).astype(np.float32)
    y = (fires[0] + fires[1] + rng.random(rows) > 1.4).astype(np.float32)
    return fires, y, rng.normal(size=hidden), rng


def midpoints(values, gap=0.0):
    ordered = np.unique(values.astype(np.float32)).astype(float)
    ends = [ordered[0] - search.ALL_FIRE]
    return np.array(ends + [(a + b) / 2 for a, b in pairwise(ordered) if b - a > gap])


@pytest.mark.parametrize("seed", range(5))
def test_bisection_finds_the_best_bias_of_a_convex_loss(seed):
    fires, y, weights, _ = final_node(seed)
    values = weights @ fires
    logits = logistic.Logits(values, np.exp(values), float(y.sum()), float(values @ y))
    thresholds = midpoints(values)
    losses = [entropy(values - threshold, y) for threshold in thresholds]
    place, loss = logistic.lowest_loss(logits, thresholds)
    assert place == int(np.argmin(losses))
    assert loss == pytest.approx(min(losses), rel=1e-9)


def test_loss_and_slope_are_those_of_cross_entropy_at_large_logits_too():
    rng = np.random.default_rng(0)
    values, y = rng.normal(scale=20, size=1000), (rng.random(1000) < 0.5).astype(float)
    logits = logistic.Logits(values, np.exp(values), float(y.sum()), float(values @ y))
    for threshold in (-3.0, 0.0, 7.5):
        loss, slope = logistic.loss_and_slope(logits, threshold)
        assert loss == pytest.approx(entropy(values - threshold, y), rel=1e-9)
        step = 1e-5
        difference = entropy(values - threshold - step, y) - entropy(values - threshold + step, y)
        assert slope == pytest.approx(difference / (2 * step), rel=1e-5, abs=1e-4)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("forced", [False, True])
def test_the_final_node_takes_the_best_step_of_cross_entropy(seed, forced):
    fires, y, weights, rng = final_node(seed)
    coordinates, size = rng.permutation(5), 0.2
    best = (np.inf if forced else min(entropy(weights @ fires - t, y) for t in midpoints(weights @ fires)), None)
    for step in (size, -size):
        for coordinate in coordinates:
            moved = weights.copy()
            moved[coordinate] += step
            loss = min(entropy(moved @ fires - t, y) for t in midpoints(moved @ fires))
            if loss < best[0] - 1e-12:
                best = (loss, moved)
    features = search.Features(fires, np.ones(5, np.float32), 1e-7)
    changed, tries = weights.copy(), search.Tries(coordinates, search.FREE, size, 10**6, forced)
    move = logistic.descend_logistic(changed, weights @ fires, y, features, tries)
    assert np.allclose(changed, weights if best[1] is None else best[1])
    assert entropy(changed @ fires - move.threshold, y) == pytest.approx(best[0], rel=1e-6)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("cross_entropy", [False, True])
def test_the_final_node_of_signs_takes_the_best_flip(seed, cross_entropy):
    fires, y, _, rng = final_node(seed)
    weights, gains = rng.choice([-1.0, 1.0], 5), np.array([-2, 3])

    def worth(logits):
        return -entropy(logits, y) if cross_entropy else float(gains[y.astype(int)][logits > 0].sum())

    def best_of(weights):
        values = weights @ fires
        ends = [values.min() - 0.5, *midpoints(values)[1:]]
        return max(worth(values - t) for t in ends)

    wanted = best_of(weights)
    for j in range(5):
        flipped = weights.copy()
        flipped[j] *= -1
        wanted = max(wanted, best_of(flipped))
    batch = np.arange(y.size, dtype=np.uint32)
    counts, firing = signs.histograms(weights @ fires, y > 0, batch, fires)
    assert counts.sum() == y.size
    changed, tries = weights.copy(), search.Tries(rng.permutation(5), search.SIGNS, 0.2, 20, False)
    move = signs.descend_signs(changed, counts, firing, gains, cross_entropy, tries)
    assert worth(changed @ fires - move.threshold) == pytest.approx(wanted, rel=1e-6)
    assert set(np.abs(changed)) == {1.0}


def problem(rows=300, features=12):
    rng = np.random.default_rng(0)
    y = rng.random(rows) < 0.4
    x = 0.25 * y[:, None] * (np.arange(features) % 3 == 0) + 0.75 * rng.random((rows, features))
    return x.astype(np.float32), y


@pytest.mark.parametrize("mode", ["default", "released", "paper"])
@pytest.mark.parametrize("variant", ["01", "ce", "01-bnn", "ce-bnn"])
def test_every_variant_learns_in_every_mode_and_reports_its_accuracy(variant, mode):
    x, y = problem()
    number = {"variant": variant, "mode": mode, "preset": "cifar10", "hidden": 5}
    vote = train_vote(x, y, settle(**number, **AUTO | {"iterations": 120, "features": 8}), 1)
    fires = (x @ vote.weights.T + vote.biases > 0).astype(np.float32)
    assert vote.accuracy == ((fires @ vote.final + vote.threshold > 0) == y).mean()
    assert vote.accuracy > max(y.mean(), 1 - y.mean()) + 0.03
    lengths = np.linalg.norm(vote.weights, axis=1)
    if variant.endswith("bnn"):
        assert set(np.abs(vote.weights).ravel()) == set(np.abs(vote.final)) == {1.0}
    else:
        assert np.allclose(lengths, 1) == (variant == "01")


def test_in_paper_mode_more_iterations_never_hurt_the_training_loss():
    x, y = problem()
    accuracies = [
        train_vote(x, y, Settings(mode="paper", hidden=5, iterations=n, features=8), 0).accuracy for n in (1, 10, 40)
    ]
    assert accuracies == sorted(accuracies)
    assert accuracies[-1] > accuracies[0]


def test_presets_and_modes_fill_in_what_is_left_open():
    base = {"variant": "01", "mode": "default", "preset": "cifar10", "hidden": 20}
    assert settle(**base, **AUTO) == Settings()
    gtsrb = settle(**base | {"preset": "gtsrb"}, **AUTO)
    assert (gtsrb.batch_fraction, gtsrb.step_hidden, gtsrb.features) == (0.25, 0.1, 256)
    assert settle(**base | {"preset": "gtsrb"}, **AUTO | {"features": 7}).features == 7
    paper = settle(**base | {"mode": "paper"}, **AUTO)
    assert (paper.initial_bias, paper.window > 10**9) == ("median", True)
    assert set(PRESETS) == {"cifar10", "gtsrb", "celeba", "imagenet", "ecg", "text"}
    assert [iterations_for(v, h) for v, h in (("01", 20), ("ce", 64), ("ce-bnn", 20))] == [1000, 3200, 10_000]
