"""Bad input and odd input: every attack must come through, row by row."""

import sys
from pathlib import Path

import pytest
import torch
from known_victims import distance, labels_of, smooth, uniform
from odd_inputs import check_moved_rows_fell, check_one_row_of_odd_bounds, every_shape

sys.path.insert(0, str(Path(__file__).resolve().parent))
from decision_case import attack, constant, oracle_for

from advbench import ContestError, Examples, Norm, ParamError
from advbench.catalog.plugins import discover
from advbench.catalog.registry import read
from advbench.catalog.resolve import Resolver
from advbench.testing import streams
from advbench_decision.boundary import Boundary
from advbench_decision.cgba import Cgba
from advbench_decision.rays import Rays

FAMILY = {
    "boundary": (Boundary(steps=60), Norm.L2),
    "rays": (Rays(), Norm.LINF),
    "rays l2": (Rays(preset="scd"), Norm.L2),
    "cgba": (Cgba(iterations=3), Norm.L2),
}
family = pytest.mark.parametrize(("component", "norm"), FAMILY.values(), ids=FAMILY)


@family
@every_shape
@pytest.mark.parametrize("targeted", [False, True])
def test_every_shape_of_input_in_bounds_of_its_own_and_alone(component, norm, shape, targeted):
    check_one_row_of_odd_bounds(attack, component, norm, shape, targeted)


@family
def test_a_target_that_holds_already_and_a_wrong_label_cost_one_query_and_no_change(component, norm):
    network, x = smooth(), uniform(3, 12)
    y = labels_of(network, x)
    for more in ({"y": y, "target": y}, {"y": (y + 1) % 3}):
        oracle = oracle_for(network, x, norm, classes=3, **more)
        assert torch.equal(component.perturb(oracle, x, streams(3)).x, x)
        assert oracle.asked.tolist() == [1, 1, 1]


@family
def test_a_row_that_never_starts_ends_unchanged_and_leaves_the_others_alone(component, norm):
    """The second row's target is a class that no point has."""
    network, x = smooth(classes=4), uniform(3, 12)
    with torch.no_grad():
        network[3].bias[3] = -100.0
    y = labels_of(network, x)
    target = (y + 1) % 3
    healthy = attack(component, network, x, norm, y=y, target=target, classes=4)
    target[1] = 3
    oracle = oracle_for(network, x, norm, y=y, target=target, classes=4)
    answer = component.perturb(oracle, x, streams(3))
    assert torch.equal(answer.x[1], x[1])
    assert torch.equal(answer.x[[0, 2]], healthy.x[[0, 2]])
    assert int(oracle.asked[1]) <= 1001


@family
def test_what_cannot_be_moved_ends_by_itself(component, norm):
    x = uniform(2, 12)
    oracle = oracle_for(constant(), x, norm, classes=3)
    assert torch.equal(component.perturb(oracle, x, streams(2)).x, x)
    assert int(oracle.asked.max()) <= 1001


@family
@pytest.mark.parametrize("budget", [0, 1, 2, 5])
def test_budgets_smaller_than_the_start_are_kept(component, norm, budget):
    network, x = smooth(), uniform(3, 12)
    oracle = oracle_for(network, x, norm, classes=3, budget=budget)
    answer = component.perturb(oracle, x, streams(3))
    assert int(oracle.asked.max()) <= budget
    check_moved_rows_fell(network, x, answer)


@family
def test_eps_zero_is_no_accident(component, norm):
    network, x = smooth(), uniform(3, 12)
    assert attack(component, network, x, norm, 0.0, classes=3).x.isfinite().all()


@family
def test_one_feature_and_two_classes_suffice(component, norm):
    network = smooth(features=1, classes=2)
    x = uniform(3, 1)
    answer = attack(component, network, x, norm)
    check_moved_rows_fell(network, x, answer)


def test_targets_that_noise_never_meets_are_reached_from_examples():
    """Class 2 is a small corner that a hundred uniform points of 12 features miss."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 3))
    with torch.no_grad():
        network[1].weight.zero_()
        network[1].weight[1, 0] = network[1].weight[2, 1:] = 1.0
        network[1].bias.copy_(torch.tensor([0.0, -0.5, -9.5]))
    x = uniform(3, 12) * 0.4
    seeds = Examples(torch.arange(4), torch.cat([x, torch.full((1, 12), 0.99)]), torch.tensor([0, 0, 0, 2]))
    target = torch.full((3,), 2)
    for component in (Boundary(steps=60, tries=100), Cgba(iterations=3, tries=100)):
        alone = attack(component, network, x, target=target, classes=3)
        assert torch.equal(alone.x, x)
        oracle = oracle_for(network, x, target=target, classes=3)
        state = component.prepare(oracle, seeds, streams(4))
        assert int(oracle.asked.sum()) == 0
        oracle.prepared = state
        answer = component.perturb(oracle, x, streams(3))
        assert (labels_of(network, answer.x) == 2).all()
        assert (distance(answer.x, x) < distance(seeds.x[3:], x)).all()


def test_what_makes_no_sense_is_refused_with_the_limit():
    resolver = Resolver(discover(()), read())
    for typed, told in (
        ("boundary:orthogonal=0", "orthogonal must be > 0 and <= 1, got 0"),
        ("rays:preset=best", "preset must be 'none' or 'paper' or 'scd'"),
        ("cgba:frequencies=2", "frequencies must be > 0 and <= 1, got 2"),
        ("cgba:probes=0", "probes must be >= 1, got 0"),
    ):
        with pytest.raises(ParamError, match=told):
            resolver.one("attack", typed)
    for component, norm in FAMILY.values():
        with pytest.raises(ContestError, match="inputs must have bounds, got none"):
            attack(component, smooth(), uniform(1, 12), norm, classes=3, bounds=None)
