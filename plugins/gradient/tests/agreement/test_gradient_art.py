"""The Adversarial Robustness Toolbox on the same network: equal where it is right, and where it differs."""

import warnings

import numpy as np
import pytest
import torch
from gradient_oracle import attack
from known_victims import box_optimum, distance, edgy, labels_of, linear, smooth
from torch import nn

from advbench import Norm
from advbench_gradient.cw import CarliniWagner
from advbench_gradient.deepfool import DeepFool
from advbench_gradient.iterative import Pgd
from advbench_gradient.single_step import Fgm, Fgsm

pytestmark = pytest.mark.slow  # importing it takes seconds


@pytest.fixture(scope="module")
def art():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("art.attacks.evasion")


def classifier(network, features, classes):
    from art.estimators.classification import PyTorchClassifier

    return PyTorchClassifier(
        network, nn.CrossEntropyLoss(), (features,), classes, clip_values=(0.0, 1.0), device_type="cpu"
    )


def inputs(n=20):
    return torch.rand(n, 12, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("targeted", [False, True])
@pytest.mark.parametrize(
    ("component", "norm", "theirs", "eps"), [(Fgsm, Norm.LINF, np.inf, 0.1), (Fgm, Norm.L2, 2, 0.5)]
)
def test_single_steps_are_equal(art, component, norm, theirs, eps, targeted):
    network, x = smooth(), inputs()
    y = labels_of(network, x)
    target = (y + 1) % 3 if targeted else None
    method = art.FastGradientMethod(classifier(network, 12, 3), norm=theirs, eps=eps, targeted=targeted)
    expected = method.generate(x.numpy(), (y if target is None else target).numpy())
    found = attack(component(loss="ce", returns="last"), network, x, norm, eps, y=y, target=target, classes=3).x
    assert float((found - torch.from_numpy(expected)).abs().max()) < 1e-6


def test_its_l1_step_moves_one_feature_and_the_papers_all(art):
    network, x = smooth(), 0.45 + 0.1 * inputs()
    y = labels_of(network, x)
    method = art.FastGradientMethod(classifier(network, 12, 3), norm=1, eps=0.3)
    theirs = torch.from_numpy(method.generate(x.numpy(), y.numpy()))
    ours = attack(Fgm(loss="ce", returns="last"), network, x, Norm.L1, 0.3, y=y, classes=3).x
    assert ((theirs - x).abs() > 1e-6).sum(dim=1).tolist() == [1] * len(x)
    assert ((ours - x).abs() > 1e-6).sum(dim=1).min() > 6
    sparse = Pgd(steps=1, step=0.3, share=1 / 12, restarts=1, random_start=False, loss="ce", returns="last")
    assert float((attack(sparse, network, x, Norm.L1, 0.3, y=y, classes=3).x - theirs).abs().max()) < 1e-6


@pytest.mark.parametrize(("norm", "theirs", "eps"), [(Norm.LINF, np.inf, 0.1), (Norm.L2, 2, 0.5)])
def test_pgd_without_random_start_is_equal(art, norm, theirs, eps):
    network, x = smooth(), inputs()
    y = labels_of(network, x)
    method = art.ProjectedGradientDescentPyTorch(
        classifier(network, 12, 3), norm=theirs, eps=eps, eps_step=eps / 4, max_iter=10, verbose=False
    )
    expected = torch.from_numpy(method.generate(x.numpy(), y.numpy()))
    walk = Pgd(steps=10, step=eps / 4, restarts=1, random_start=False, loss="ce", returns="last")
    found = attack(walk, network, x, norm, eps, y=y, classes=3).x
    assert float((found - expected).abs().max()) < 1e-5


def test_l2_pgd_is_equal_where_features_stand_at_their_bounds(art):
    """Both clip first and shorten then."""
    network, w = linear(64)
    x = edgy(12)
    eps = float(box_optimum(w, x, Norm.L2).median())
    y = labels_of(network, x)
    method = art.ProjectedGradientDescentPyTorch(
        classifier(network, 64, 2), norm=2, eps=eps, eps_step=eps / 20, max_iter=40, verbose=False
    )
    theirs = torch.from_numpy(method.generate(x.numpy(), y.numpy()))
    walk = Pgd(steps=40, step=eps / 20, restarts=1, random_start=False, loss="ce", returns="last")
    assert float((attack(walk, network, x, Norm.L2, eps, y=y).x - theirs).abs().max()) < 1e-5


def test_deepfool_is_as_short_as_its(art):
    network, x = smooth(), inputs()
    y = labels_of(network, x)
    theirs = art.DeepFool(classifier(network, 12, 3), nb_grads=3, batch_size=20, verbose=False).generate(x.numpy())
    ours = attack(DeepFool(), network, x, Norm.L2, y=y, classes=3).x
    assert (labels_of(network, ours) != y).all()
    ratio = distance(ours, x, Norm.L2) / distance(torch.from_numpy(theirs), x, Norm.L2)
    assert float(ratio.median()) < 1.05


def test_its_carlini_wagner_stops_short_of_the_optimum(art):
    """Ten line searches from each of ten weights are not enough where features stand at their bounds."""
    network, w = linear(64)
    x = edgy(12)
    x = x[box_optimum(w, x, Norm.L2) > 0.1]
    optimum = box_optimum(w, x, Norm.L2)
    theirs = torch.from_numpy(
        art.CarliniL2Method(classifier(network, 64, 2), max_iter=10, batch_size=16, verbose=False).generate(x.numpy())
    )
    ours = attack(CarliniWagner(), network, x, Norm.L2).x
    fell = labels_of(network, theirs) != labels_of(network, x)
    size = torch.where(fell, distance(theirs, x, Norm.L2), torch.inf)
    assert float((distance(ours, x, Norm.L2) / optimum).max()) < 1.02
    assert float((size / optimum).median()) > 1.02
