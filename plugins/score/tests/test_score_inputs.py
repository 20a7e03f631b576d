"""Bad input and odd input, silence and noise: all three attacks must come through, row by row."""

import sys
from pathlib import Path

import pytest
import torch
from known_victims import distance, labels_of, smooth, uniform
from odd_inputs import check_moved_rows_fell, check_one_row_of_odd_bounds, every_shape
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parent))
from score_case import attack, oracle_for

from advbench import Norm, ParamError
from advbench.catalog.plugins import discover
from advbench.catalog.registry import read
from advbench.catalog.resolve import Resolver
from advbench.testing import streams
from advbench_score.estimates import Nes, Spsa
from advbench_score.losses import cross_entropy, loss_for, margin
from advbench_score.square import Square

FAMILY = {"square": Square(iterations=60), "nes": Nes(iterations=6, samples=10), "spsa": Spsa(iterations=6, samples=10)}
family = pytest.mark.parametrize("component", FAMILY.values(), ids=FAMILY)
norms = pytest.mark.parametrize("norm", [Norm.L2, Norm.LINF])


@family
@norms
@every_shape
@pytest.mark.parametrize("targeted", [False, True])
def test_every_shape_alone_in_bounds_of_its_own(component, norm, shape, targeted):
    check_one_row_of_odd_bounds(attack, component, norm, shape, targeted)


@family
@norms
def test_a_goal_that_holds_already_is_met_without_a_change_if_it_looks(component, norm):
    network, x = smooth(), uniform(3, 12)
    y = labels_of(network, x)
    answer = attack(component, network, x, norm, 0.2, y=y, target=y, classes=3)
    assert (labels_of(network, answer.x) == y).all()
    if not isinstance(component, Square):  # it begins at its first stripes, as the paper has it
        assert torch.equal(answer.x, x)


@family
@norms
def test_with_eps_zero_nothing_is_asked(component, norm):
    network, x = smooth(), uniform(3, 12)
    oracle = oracle_for(network, x, norm, 0.0, classes=3)
    answer = component.perturb(oracle, x, streams(3))
    assert torch.equal(answer.x, x)
    assert not answer.blind.any()
    assert int(oracle.asked.sum()) == 0


@family
@norms
@pytest.mark.parametrize("budget", [0, 1, 2, 9, 40])
def test_no_budget_is_too_small(component, norm, budget):
    network, x = smooth(), uniform(3, 12)
    oracle = oracle_for(network, x, norm, 0.01, classes=3, budget=budget)
    answer = component.perturb(oracle, x, streams(3))
    assert int(oracle.asked.max()) <= budget
    assert answer.x.shape == x.shape


@family
def test_points_stay_within_eps(component):
    network, x = smooth(), uniform(20, 12)
    for norm, eps in ((Norm.L2, 0.4), (Norm.LINF, 0.15)):
        answer = attack(component, network, x, norm, eps, classes=3)
        assert float(distance(answer.x, x, norm).max()) <= eps + 1e-6
        assert bool((answer.x != x).any()), "some row must have moved"


@family
@norms
def test_inputs_without_bounds(component, norm):
    network, x = smooth(), uniform(4, 12)
    answer = attack(component, network, x, norm, classes=3, bounds=None)
    assert check_moved_rows_fell(network, x, answer).any()


class Steps(nn.Module):
    """Scores that saturate: far from its boundary nothing changes by as much as the last bit."""

    def __init__(self, steepness):
        super().__init__()
        self.steepness = steepness

    def forward(self, x):
        lead = self.steepness * (x.flatten(1)[:, 0] - 0.9)
        chance = torch.sigmoid(lead)
        return torch.stack([(1 - chance).log(), chance.log()], dim=1)


@family
def test_saturated_scores_are_no_evidence_and_cost_little(component):
    x = torch.full((1, 12), 0.1)
    network = Steps(1e6)
    oracle = oracle_for(network, x, Norm.LINF, 0.3, y=torch.zeros(1, dtype=torch.int64), budget=10_000)
    endless = type(component)()
    answer = endless.perturb(oracle, x, streams(1))
    assert answer.blind.all()
    assert torch.equal(answer.x, x)
    assert int(oracle.asked.max()) < 2500, "a thousand answers that tell nothing are enough"
    clear = attack(endless, Steps(5.0), x, Norm.LINF, 0.3, y=torch.zeros(1, dtype=torch.int64), budget=150)
    assert not clear.blind.any(), "held, but not for want of a signal"


def test_log_zero_hides_no_order():
    scores = torch.tensor([[0.0, -torch.inf, -torch.inf], [-torch.inf, 0.0, -3.0]])
    y = torch.tensor([0, 0])
    assert margin(scores, y, None).tolist() == [1e6, -1e6]
    assert margin(scores, y, torch.tensor([2, 2])).tolist() == [1e6, 3.0]
    assert cross_entropy(scores, y, None).isfinite().all()


def test_losses_are_below_zero_where_the_goal_is_met_and_know_two_classes():
    scores = torch.tensor([[2.0, 1.0, 0.0]])
    assert margin(scores, torch.tensor([0]), None).item() == 1
    assert margin(scores, torch.tensor([1]), None).item() == -1
    assert margin(scores, torch.tensor([1]), torch.tensor([0])).item() == -1
    assert loss_for("auto", 2, True) is margin
    assert loss_for("auto", 3, True) is cross_entropy
    assert loss_for("auto", 3, False) is margin


def test_a_wrong_word_is_refused_with_the_right_ones():
    resolver = Resolver(discover(()), read())
    for typed, told in (
        ("square:p=1.5", "p must be > 0 and <= 1, got 1.5"),
        ("square:loss=dlr", "loss must be 'auto' or 'margin' or 'ce', got 'dlr'"),
        ("nes:sigma=0", "sigma must be > 0, got 0"),
        ("spsa:samples=1", "samples must be >= 2, got 1"),
    ):
        with pytest.raises(ParamError, match=told):
            resolver.one("attack", typed)
