"""Beside the Adversarial Robustness Toolbox: not worse at equal iterations, and equal rows where it has none."""

import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from known_victims import box_optimum, inner, labels_of, linear

sys.path.insert(0, str(Path(__file__).resolve().parent))
from score_case import attack

from advbench import Norm
from advbench_score.square import Square

ITERATIONS, P = 60, 0.3


def toolbox(network, x, eps, norm, seed=0):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what its imports and its own arithmetic warn about
        from art.attacks.evasion import SquareAttack
        from art.estimators.classification import PyTorchClassifier

        np.random.seed(seed)
        estimator = PyTorchClassifier(
            network, loss=torch.nn.CrossEntropyLoss(), input_shape=tuple(x.shape[1:]), nb_classes=2, clip_values=(0, 1)
        )  # fmt: skip
        kind = np.inf if norm is Norm.LINF else 2
        run = SquareAttack(estimator, norm=kind, eps=eps, p_init=P, max_iter=ITERATIONS, verbose=False)
        return torch.from_numpy(run.generate(x.numpy().copy(), labels_of(network, x).numpy()))


@pytest.mark.parametrize("norm", [Norm.LINF, Norm.L2])
def test_at_equal_iterations_it_breaks_no_fewer(norm):
    network, w = linear(256)
    x = inner(24, 1, 16, 16)
    eps = float(box_optimum(w, x, norm).median()) * 3
    y = labels_of(network, x)
    mine = labels_of(network, attack(Square(p=P, iterations=ITERATIONS), network, x, norm, eps).x) != y
    theirs = labels_of(network, toolbox(network, x, eps, norm)) != y
    only_mine, only_theirs = int((mine & ~theirs).sum()), int((theirs & ~mine).sum())
    assert int(mine.sum()) >= 6
    assert only_mine >= only_theirs


def test_the_toolbox_draws_one_window_for_all_rows_and_ours_one_for_each():
    network, w = linear(256)
    x = inner(4, 1, 16, 16)
    eps = float(box_optimum(w, x, Norm.LINF).max()) * 0.5  # nobody succeeds, so that all go on to the end
    together, alone = toolbox(network, x, eps, Norm.LINF), toolbox(network, x[1:2], eps, Norm.LINF)
    assert not torch.equal(together[1:2], alone)
    whole = attack(Square(p=P, iterations=ITERATIONS), network, x, Norm.LINF)
    assert torch.equal(whole.x[:1], attack(Square(p=P, iterations=ITERATIONS), network, x[:1], Norm.LINF).x)
