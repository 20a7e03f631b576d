"""Foolbox and the Adversarial Robustness Toolbox on the same networks: as close where they are right, and where not."""

import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from known_victims import box_optimum, distance, inner, labels_of, linear

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from hsj_case import attack

from advbench import Norm
from advbench_hsj.attack import HopSkipJump

pytestmark = pytest.mark.slow  # importing them takes seconds
PAPER = HopSkipJump(preset="paper", iterations=20)


@pytest.fixture(scope="module")
def art():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("art.attacks.evasion")


@pytest.fixture(scope="module")
def fb():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("foolbox")


def by_art(art, network, x, norm=2, iterations=20):
    from art.estimators.classification import BlackBoxClassifier

    def predict(points):
        labels = labels_of(network, torch.from_numpy(np.asarray(points, dtype=np.float32))).numpy()
        return np.eye(2, dtype=np.float32)[labels]

    shown = BlackBoxClassifier(predict, tuple(x.shape[1:]), 2, clip_values=(0.0, 1.0))
    method = art.HopSkipJump(shown, norm=norm, max_iter=iterations, verbose=False)
    return torch.from_numpy(method.generate(x.numpy()))


def lead(w, points):
    return points.double() @ w.double() - 0.5 * w.double().sum()


def by_foolbox(fb, network, x, steps=20):
    torch.manual_seed(0)
    model = fb.PyTorchModel(network.eval(), bounds=(0, 1), device="cpu")
    with torch.no_grad():
        return fb.attacks.HopSkipJumpAttack(steps=steps).run(
            model, x, fb.criteria.Misclassification(labels_of(network, x))
        )


@pytest.mark.parametrize(("norm", "theirs"), [(Norm.L2, 2), (Norm.LINF, np.inf)])
def test_as_close_as_art_on_a_linear_victim(art, norm, theirs):
    network, w = linear(30)
    x = inner(5, 30)
    optimum = box_optimum(w, x, norm)
    ours = distance(attack(PAPER, network, x, norm).x, x, norm) / optimum
    found = by_art(art, network, x, theirs)
    before, after = lead(w, x).abs(), lead(w, found).abs()
    other = distance(found, x, norm) * before / (before + after) / optimum  # brought back to the boundary
    assert float(ours.max()) < 1.05
    assert float(other.max()) < 1.1
    assert float(ours.median()) <= float(other.median()) * 1.02


def test_as_close_as_foolbox_alone_on_a_linear_victim(fb):
    network, w = linear(30)
    x = inner(5, 30)
    optimum = box_optimum(w, x, Norm.L2)
    ours = distance(attack(PAPER, network, x).x, x) / optimum
    other = distance(torch.cat([by_foolbox(fb, network, x[i : i + 1]) for i in range(5)]), x) / optimum
    assert float(ours.max()) < 1.05
    assert float(other.median()) < 1.05
    assert float(ours.median()) <= float(other.median()) * 1.005


def test_foolbox_gets_farther_the_larger_the_batch(fb):
    """Its noise and its step are normalised over the whole batch; ours are not."""
    network, w = linear(64)
    x = inner(64, 64)
    optimum = box_optimum(w, x, Norm.L2)
    theirs = {n: float((distance(by_foolbox(fb, network, x[:n]), x[:n]) / optimum[:n])[:4].mean()) for n in (4, 64)}
    ours = {n: attack(PAPER, network, x[:n]).x[:4] for n in (4, 64)}
    assert theirs[64] > 1.1 * theirs[4]
    assert torch.equal(ours[4], ours[64])


def test_art_starts_from_unseeded_noise(art):
    """The same seed of numpy's does not give the same points; ours come from the streams alone."""
    network, _ = linear(30)
    x = inner(2, 30)
    runs = []
    for _ in range(2):
        np.random.seed(0)
        runs.append(by_art(art, network, x, iterations=2))
    assert not torch.equal(*runs)
    component = HopSkipJump(preset="paper", iterations=2)
    assert torch.equal(attack(component, network, x).x, attack(component, network, x).x)


def test_art_returns_a_step_and_not_the_boundary(art):
    """It ends after a step, so that its point lies beyond the boundary by more than the tolerance of a projection."""
    network, w = linear(30)
    x = inner(5, 30)

    theirs = lead(w, by_art(art, network, x, iterations=4)).abs() / w.double().norm()
    ours = lead(w, attack(HopSkipJump(preset="paper", iterations=4), network, x).x).abs() / w.double().norm()
    assert float(ours.max()) < 0.01
    assert float(theirs.median()) > 3 * float(ours.median())
