"""How large a network's scores are, as distillation, smoothed labels and weight decay make them, tells nothing."""

from dataclasses import replace

import pytest
import torch
from gradient_oracle import attack
from known_victims import distance, labels_of, smooth, uniform

from advbench import Norm
from advbench_gradient import deepfool
from advbench_gradient.apgd import Apgd
from advbench_gradient.cw import CarliniWagner
from advbench_gradient.deepfool import DeepFool
from advbench_gradient.hunt import Hunt
from advbench_gradient.iterative import Ifgsm, Mim, Pgd
from advbench_gradient.jsma import Jsma
from advbench_gradient.lbfgs import Lbfgs
from advbench_gradient.radius import Bracket
from advbench_gradient.single_step import Fgm, Fgsm

SCALES = (1e-5, 0.05, 20.0, 1e5)
WITHIN = {Norm.LINF: 0.03, Norm.L2: 0.1, Norm.L1: 0.2}  # about half of the points fall


def sizes(component, norm, scale, eps=None, n=40):
    """How far the attack goes for each of n points; infinity where it fails."""
    network, x = smooth(20, 10), uniform(n, 20)
    with torch.no_grad():
        network[3].weight.mul_(scale)
        network[3].bias.mul_(scale)
    answer = attack(component, network, x, norm, eps, classes=10)
    size = (answer.x != x).sum(dim=1).double() if norm is Norm.L0 else distance(answer.x, x, norm)
    return size.masked_fill(labels_of(network, answer.x) == labels_of(network, x), torch.inf)


def differences_in_held(component, norm):
    """Of 40 points, how many more or fewer hold at some scale than at scale one."""
    usual, *others = (int(sizes(component, norm, scale, WITHIN[norm]).isinf().sum()) for scale in (1.0, *SCALES))
    assert 8 <= usual <= 32
    return max(abs(other - usual) for other in others)


@pytest.mark.parametrize(
    ("component", "norm"),
    [
        (Fgsm(), Norm.LINF),
        (Fgm(), Norm.L2),
        (Ifgsm(), Norm.LINF),
        (Mim(), Norm.L2),
        (Pgd(steps=20, restarts=2), Norm.LINF),
        (Pgd(steps=20, restarts=2), Norm.L1),
        (Pgd(steps=40, restarts=1, optimizer="adadelta"), Norm.LINF),
        (Apgd(steps=20, restarts=2), Norm.L2),
    ],
)
def test_as_many_fall_within_eps_at_every_scale(component, norm):
    assert differences_in_held(component, norm) <= 1
    assert differences_in_held(replace(component, loss="ce"), norm) >= 3, "cross-entropy does hang on it"


def ratio_of_medians(component, norm):
    """The largest median size at either end of the scales over that at scale one, or the other way round."""
    usual, *others = (float(sizes(component, norm, scale, n=15).median()) for scale in (1.0, SCALES[0], SCALES[-1]))
    return max(max(other / usual, usual / other) for other in others)


@pytest.mark.parametrize(
    ("component", "norm"), [(Jsma(), Norm.L0), (Lbfgs(steps=30, searches=8), Norm.L2)], ids=["jsma", "lbfgs"]
)
def test_the_smallest_change_is_as_small_at_every_scale(component, norm):
    assert ratio_of_medians(component, norm) < 1.02
    assert ratio_of_medians(replace(component, lead=None), norm) > 1.2, "scores as they are do hang on it"


def test_deepfool_crosses_faces_of_every_steepness(monkeypatch):
    assert ratio_of_medians(DeepFool(overshoot=0.0), Norm.L2) < 1.02
    monkeypatch.setattr(deepfool, "Hunt", lambda oracle, x, lead: Hunt(oracle, x))
    assert ratio_of_medians(DeepFool(overshoot=0.0), Norm.L2) > 1.2, "1e-4 is much in small scores and nothing in large"


def test_cw_finds_the_small_c_that_large_scores_need(monkeypatch):
    component, advance = CarliniWagner(steps=50), Bracket.advance
    assert ratio_of_medians(component, Norm.L2) < 1.1

    def by_halves(bracket, rows, found, factor):
        advance(bracket, rows, found, factor)
        first = bracket.low[rows] == 0
        bracket.now[rows] = torch.where(first & found, bracket.high[rows] / 2, bracket.now[rows])

    monkeypatch.setattr(Bracket, "advance", by_halves)
    assert ratio_of_medians(component, Norm.L2) > 1.2, "a bracket that reaches down to zero shrinks too slowly"
