"""Bad input and odd input: the attack must come through, row by row."""

import pytest
import torch
from gradient_oracle import OneIsNan, attack, oracle_for
from known_victims import labels_of, linear, smooth, uniform
from odd_inputs import check_moved_rows_fell, check_one_row_of_odd_bounds, every_shape
from torch import nn

from advbench import Bounds, ContestError, Norm
from advbench.testing import SurrogateContender, streams
from advbench_ead.attack import Ead

SOLVERS = [Ead(steps=30, searches=4, c=0.1, rate=0.03, solver=solver) for solver in ("fista", "ista", "cov")]
solvers = pytest.mark.parametrize("component", SOLVERS, ids=lambda component: component.solver)


@solvers
@every_shape
@pytest.mark.parametrize("targeted", [False, True])
def test_every_shape_of_input_in_bounds_of_its_own_and_alone(component, shape, targeted):
    check_one_row_of_odd_bounds(attack, component, Norm.L1, shape, targeted)


@pytest.mark.parametrize("solver", ["fista", "cov"])
def test_units_of_the_range_make_all_bounds_alike(solver):
    network, x = smooth(), uniform(6, 12)
    wide = nn.Sequential(nn.Flatten(), nn.Linear(12, 12), network)
    with torch.no_grad():
        wide[1].weight.copy_(torch.eye(12) / 4)
        wide[1].bias.fill_(0.25)
    component = Ead(steps=40, searches=5, c=0.1, solver=solver)
    narrow = attack(component, network, x, classes=3)
    other = attack(component, wide, 4 * x - 1, classes=3, bounds=Bounds(-1.0, 3.0))
    assert torch.allclose(narrow.notes["en_l1"] * 4, other.notes["en_l1"], rtol=1e-3)
    assert bool((narrow.x != x).any())


@pytest.mark.parametrize("component", SOLVERS[:2], ids=lambda component: component.solver)
def test_inputs_without_bounds(component):
    network, x = smooth(), uniform(3, 12, low=-5, high=5)
    answer = attack(component, network, x, classes=3, bounds=None)
    check_moved_rows_fell(network, x, answer)


def test_tanh_needs_bounds_and_says_so():
    with pytest.raises(ContestError, match="ead: solver=cov must have bounds, got inputs without"):
        attack(Ead(solver="cov"), smooth(), uniform(1, 12), classes=3, bounds=None)


@solvers
def test_a_target_that_holds_already_is_met_without_a_change(component):
    network, x = smooth(), uniform(3, 12)
    y = labels_of(network, x)
    oracle = oracle_for(network, x, y=y, target=y, classes=3)
    answer = component.perturb(oracle, x, streams(3))
    assert torch.allclose(answer.x, x, atol=1e-5)  # tanh cannot stand on a bound
    if component.solver != "cov":
        assert torch.equal(answer.x, x)
        assert int(oracle.gradients.max()) == 1


@solvers
def test_eps_zero_and_two_classes_are_nothing_special(component):
    network, x = smooth(classes=2), uniform(3, 12)
    answer = attack(component, network, x, Norm.L2, 0.0)
    check_moved_rows_fell(network, x, answer)


@solvers
def test_a_row_without_a_gradient_stops_at_once_and_is_blind(component):
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
    with torch.no_grad():
        network[1].weight.zero_()
        network[1].bias.copy_(torch.tensor([1.0, 0.0, 0.0]))
    x = uniform(3, 12)
    oracle = oracle_for(network, x, classes=3)
    answer = component.perturb(oracle, x, streams(3))
    assert answer.blind.all()
    assert torch.equal(answer.x, x)
    assert answer.notes["en_l1"].isnan().all()
    assert int(oracle.gradients.max()) <= component.searches


@solvers
def test_a_row_whose_gradient_is_no_number_stops_and_the_others_go_on(component):
    network, x = smooth(), uniform(3, 12)
    oracle = oracle_for(network, x, classes=3, kind=OneIsNan)
    answer = component.perturb(oracle, x, streams(3))
    assert answer.blind.tolist() == [False, True, False]
    assert torch.equal(answer.x[1], x[1])
    assert int(oracle.gradients[1]) == 1
    healthy = component.perturb(oracle_for(network, x, classes=3), x, streams(3))
    assert torch.equal(answer.x[[0, 2]], healthy.x[[0, 2]])
    assert bool((answer.x[[0, 2]] != x[[0, 2]]).any())


def test_saturated_scores_still_have_a_margin():
    network, _ = linear(12)
    with torch.no_grad():
        network[1].weight.mul_(1e4)
        network[1].bias.mul_(1e4)
    x = uniform(4, 12)
    answer = attack(Ead(steps=40, searches=7), network, x)
    assert (labels_of(network, answer.x) != labels_of(network, x)).all()


@solvers
def test_a_surrogates_success_counts_only_if_the_real_labels_agree(component):
    contender, x = SurrogateContender(), uniform(6, 4, low=-1, high=3)
    y = contender.labels(x)
    oracle = oracle_for(
        contender, x, Norm.L2, y=y, bounds=Bounds(-1.0, 3.0), gradient=contender.facts.gradients[-1]
    )  # fmt: skip
    answer = component.perturb(oracle, x, streams(6))
    moved = (answer.x != x).any(dim=1)
    assert moved.any()
    assert ((contender.labels(answer.x) != y) == moved).all()
    assert int(oracle.queries.min()) > 0
