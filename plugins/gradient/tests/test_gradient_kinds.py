"""Surrogate gradients and averages over noise belong to the threat: every attack takes them, none has a copy."""

from dataclasses import replace

import pytest
import torch
from gradient_oracle import Counted
from known_victims import uniform

from advbench import Access, Bounds, ClassGoal, LocalOracle, Norm, Threat
from advbench.testing import NoisyContender, SurrogateContender, streams
from advbench_gradient.apgd import Apgd
from advbench_gradient.cw import CarliniWagner
from advbench_gradient.deepfool import DeepFool
from advbench_gradient.iterative import Ifgsm, Mim, Pgd
from advbench_gradient.jsma import Jsma
from advbench_gradient.lbfgs import Lbfgs
from advbench_gradient.single_step import Fgm, Fgsm

WIDE = Bounds(-1.0, 3.0)
FAMILY = {
    "fgsm": (Fgsm(grid=50), Norm.LINF),
    "fgm": (Fgm(grid=50), Norm.L1),
    "ifgsm": (Ifgsm(searches=6), Norm.L2),
    "pgd": (Pgd(steps=10, searches=6), Norm.LINF),
    "adadelta": (Pgd(steps=60, searches=6, optimizer="adadelta"), Norm.LINF),
    "mim": (Mim(searches=6), Norm.LINF),
    "apgd": (Apgd(steps=10, searches=6), Norm.L2),
    "cw": (CarliniWagner(steps=60, searches=4), Norm.L2),
    "cw tanh": (CarliniWagner(steps=60, searches=4, box="tanh", rate=0.1), Norm.L2),
    "deepfool": (DeepFool(steps=10), Norm.L2),
    "jsma": (Jsma(features=1), Norm.L0),
    "lbfgs": (Lbfgs(steps=10, searches=6), Norm.L2),
}
family = pytest.mark.parametrize(("component", "norm"), FAMILY.values(), ids=FAMILY)


@family
def test_a_surrogates_success_counts_only_if_the_real_labels_agree(component, norm):
    """Its smooth twin gives way earlier than the contender: points in between must not be called successes."""
    contender, x = SurrogateContender(), uniform(6, 4, low=-1, high=3)
    y = contender.labels(x)
    threat = Threat(access=Access.GRADIENTS, norm=norm, gradient=contender.facts.gradients[-1])
    oracle = Counted(contender, ClassGoal(y), threat, shape=(4,), classes=2, bounds=WIDE)
    answer = component.perturb(oracle, x, streams(6))
    moved = (answer.x != x).any(dim=1)
    assert int(moved.sum()) >= 4
    assert ((contender.labels(answer.x) != y) == moved).all()
    assert bool((oracle.queries > 0).all()), "a surrogate's scores prove nothing"


@family
def test_a_noisy_contender_is_followed_on_average(component, norm):
    """With 16 draws per gradient, rows move to where the noise decides."""
    contender, x = NoisyContender(), uniform(6, 4, low=-1, high=3)
    y = (contender.flips(x) > 0.5).long()
    threat = replace(Threat(access=Access.GRADIENTS, norm=norm, gradient="exact"), eot=16)
    noise = torch.arange(6) + 100
    oracle = LocalOracle(contender, ClassGoal(y), threat, shape=(4,), classes=2, bounds=WIDE, noise=noise)
    answer = component.perturb(oracle, x, streams(6))
    chance = torch.where(y == 1, 1 - contender.flips(answer.x), contender.flips(answer.x))
    before = torch.where(y == 1, 1 - contender.flips(x), contender.flips(x))
    assert float((chance > 0.01).float().mean()) > 0.8, "where before it was one in many millions"
    assert float(chance.mean()) > float(before.mean()) + 0.2
