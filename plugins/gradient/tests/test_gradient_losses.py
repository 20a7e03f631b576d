"""Losses against numbers by hand; all of them know scores only up to a constant per row."""

import math
from dataclasses import replace

import pytest
import torch
from gradient_oracle import attack, oracle_for
from known_victims import labels_of, smooth

from advbench import Access, ContenderFacts, Norm, TorchContender
from advbench.catalog.pairing import facts_of_attack
from advbench.testing import streams
from advbench_gradient import FGSM
from advbench_gradient.apgd import Apgd
from advbench_gradient.iterative import Ifgsm, Mim, Pgd
from advbench_gradient.losses import GAINS, LOSSES, chance, difference, gain_for, lead_for, odds, others, to_lead
from advbench_gradient.single_step import Fgm, Fgsm

SCORES = torch.tensor([[3.0, 1.0, 0.5, -1.0], [0.0, 2.0, 5.0, 1.0]])
Y, TARGET = torch.tensor([0, 1]), torch.tensor([2, 3])


def by_hand(name, target):
    if name == "margin":
        return [0.5 - 3, 1 - 5] if target else [1 - 3, 5 - 2]
    if name == "dlr":
        if target:
            return [(0.5 - 3) / (3 - (0.5 - 1) / 2), (1 - 2) / (5 - (1 + 0) / 2)]
        return [(1 - 3) / (3 - 0.5), (5 - 2) / (5 - 1)]
    chosen = TARGET if target else Y
    log_p = [
        math.log(math.exp(row[k]) / sum(map(math.exp, row)))
        for row, k in zip(SCORES.tolist(), chosen.tolist(), strict=True)
    ]
    return log_p if target else [-value for value in log_p]


@pytest.mark.parametrize("name", ["ce", "margin", "dlr"])
@pytest.mark.parametrize("targeted", [False, True])
def test_values_are_those_computed_by_hand(name, targeted):
    found = GAINS[name](SCORES, Y, TARGET if targeted else None)
    assert found.tolist() == pytest.approx(by_hand(name, targeted), abs=1e-6)


@pytest.mark.parametrize("name", ["ce", "margin", "dlr"])
def test_a_constant_per_row_changes_nothing(name):
    moved = SCORES + torch.tensor([[7.0], [-3.0]])
    assert torch.allclose(GAINS[name](moved, Y, None), GAINS[name](SCORES, Y, None), atol=1e-5)


def test_only_the_ratio_is_blind_to_scale():
    assert torch.allclose(GAINS["dlr"](SCORES * 9, Y, TARGET), GAINS["dlr"](SCORES, Y, TARGET))
    assert not torch.allclose(GAINS["margin"](SCORES * 9, Y, None), GAINS["margin"](SCORES, Y, None))


def test_the_targeted_ratio_of_three_classes_takes_the_third_for_the_fourth():
    found = GAINS["dlr"](SCORES[:, :3], Y, torch.tensor([2, 0]))
    assert found.tolist() == pytest.approx([(0.5 - 3) / (3 - 0.5), (0 - 2) / 5], abs=1e-6)


def test_squared_error_is_that_of_the_outputs_whose_logs_the_scores_are():
    outputs = torch.tensor([[0.9, 0.3], [0.2, 0.5]])
    y = torch.tensor([0, 0])
    assert GAINS["square"](outputs.log(), y, None).tolist() == pytest.approx([0.1**2 + 0.3**2, 0.8**2 + 0.5**2])
    assert GAINS["square"](outputs.log(), y, 1 - y).tolist() == pytest.approx([-(0.9**2) - 0.7**2, -(0.2**2) - 0.5**2])


def test_the_parts_of_lbfgs_deepfool_and_jsma():
    log_p = SCORES.log_softmax(1)
    assert torch.allclose(chance(SCORES, Y, None), (1 - log_p.exp()[torch.arange(2), Y]).log(), atol=1e-5)
    assert torch.allclose(chance(SCORES, Y, TARGET), log_p[torch.arange(2), TARGET])
    assert difference(SCORES, Y, TARGET).tolist() == [-2.5, -1.0]
    assert torch.allclose(others(SCORES, Y, TARGET), log_p.sum(1) - log_p[torch.arange(2), TARGET])


def test_of_two_classes_log_odds_are_the_margin():
    assert gain_for("auto") is odds
    for target in (None, 1 - Y):
        assert torch.allclose(odds(SCORES[:, :2], Y, target), GAINS["margin"](SCORES[:, :2], Y, target))


@pytest.mark.parametrize("target", [None, TARGET], ids=["untargeted", "targeted"])
def test_log_odds_point_where_cross_entropy_points_and_rank_alike(target):
    """One grows with the other, so that their gradients differ in length alone."""
    scores = SCORES.double().requires_grad_(True)
    grads = []
    for gain in (odds, GAINS["ce"]):
        (grad,) = torch.autograd.grad(gain(scores, Y, target).sum(), scores)
        grads.append(grad / grad.norm(dim=1, keepdim=True))
    assert torch.allclose(*grads)
    p = torch.sigmoid(odds(SCORES, Y, target))
    assert torch.allclose(
        p.log() if target is not None else -torch.log1p(-p), GAINS["ce"](SCORES, Y, target), atol=1e-5
    )


def test_log_odds_go_on_where_cross_entropy_saturates():
    """One class leads by more and more: cross-entropy falls to zero, and its gradient before that."""
    lead = torch.linspace(-30, 120, 301)
    scores = torch.stack([lead, torch.full_like(lead, 0.5), torch.zeros_like(lead)], dim=1).requires_grad_(True)
    y = torch.zeros(len(lead), dtype=torch.int64)
    auto, ce = (gain_for(name)(scores, y, None) for name in ("auto", "ce"))
    assert (auto.diff() < 0).all(), "the larger the lead, the farther the goal"
    assert not (ce.diff() < 0).all()
    (grad,) = torch.autograd.grad(auto.sum(), scores, retain_graph=True)
    (lost,) = torch.autograd.grad(ce.sum(), scores)
    assert (grad[:, 0] == -1).all(), "the lead is pushed down everywhere"
    assert not lost[-1].any(), "float32 cross-entropy has nothing to say there"


def test_scores_are_multiplied_until_the_goal_is_missed_by_so_much():
    for target in (None, TARGET):
        factor = to_lead(SCORES, Y, target, 10.0)
        assert GAINS["margin"](SCORES * factor[:, None], Y, target).abs().tolist() == pytest.approx([10, 10])
    odd = torch.tensor([[1.0, 1.0, 0.0], [1.0, -torch.inf, -torch.inf], [torch.nan, 0.0, 1.0]])
    tie, certain, lost = to_lead(odd, torch.zeros(3, dtype=torch.int64), None, 10.0).tolist()
    assert math.isfinite(tie)
    assert certain == lost == 1, "where scores tell nothing they are taken as they are"
    assert lead_for("ce") is lead_for("native") is None


@pytest.mark.parametrize("attack", [Pgd(restarts=1, steps=20), Apgd(restarts=1, steps=20), Ifgsm(), Mim(), Fgsm()])
def test_how_large_scores_are_does_not_decide_whether_a_network_falls(attack):
    """Large scores, as defensive distillation makes them, leave cross-entropy without a gradient."""
    network = smooth(12, 4)
    x = 0.2 + 0.6 * torch.rand(12, 12, generator=torch.Generator().manual_seed(2))
    y = labels_of(network, x)
    fell = []
    for scale in (1.0, 2e4):
        with torch.no_grad():
            network[3].weight.mul_(scale)
            network[3].bias.mul_(scale)
        found = attack.perturb(oracle_for(network, x, Norm.LINF, 0.2, y=y, classes=4), x, streams(len(x)))
        fell.append(labels_of(network, found.x) != y)
        if scale > 1:
            silent = replace(attack, loss="ce").perturb(
                oracle_for(network, x, Norm.LINF, 0.2, y=y, classes=4), x, streams(len(x))
            )
            assert (labels_of(network, silent.x) != y).sum() < fell[0].sum(), "this victim must be one that saturates"
    assert int(fell[0].sum()) >= 4
    assert int((fell[1] & fell[0]).sum()) >= int(fell[0].sum()) - 1


def test_native_is_what_the_contender_was_trained_with():
    """Its facts tell: of two contenders that answer alike, the one trained on square error is attacked by that."""
    x, y = torch.rand(6, 4, generator=torch.Generator().manual_seed(0)), torch.zeros(6, dtype=torch.int64)
    network = smooth(4, 3)
    steps = {}
    for trained in ("ce", "square"):
        facts = ContenderFacts(access=Access.GRADIENTS, gradients=("exact",), loss=trained)
        for name in ("native", trained):
            oracle = oracle_for(TorchContender(network, facts), x, Norm.L2, 0.1, y=y, classes=3)
            steps[trained, name] = Fgm(loss=name, returns="last").perturb(oracle, x, streams(6)).x
        assert torch.equal(steps[trained, "native"], steps[trained, trained])
    assert not torch.equal(steps["ce", "native"], steps["square", "native"])


def test_the_ratio_needs_three_classes_and_no_other_does():
    for name in LOSSES:
        assert facts_of_attack(Fgsm(loss=name), FGSM).min_classes == (3 if name == "dlr" else 2)


def test_cross_entropy_falls_silent_where_the_margin_does_not():
    network = smooth(4, 2)
    with torch.no_grad():
        network[3].weight.mul_(1e5)
    x = torch.full((3, 4), 0.5)
    silent, loud = (attack(Fgsm(loss=name), network, x, Norm.LINF, 0.05) for name in ("ce", "margin"))
    assert silent.blind.all()
    assert not loud.blind.any()
