"""Invariants, odd inputs, budgets, starts."""

import itertools
import sys
from pathlib import Path

import pytest
import torch
from known_victims import distance, inner, labels_of, linear
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parent))
from hsj_case import attack, oracle_for, stripes

from advbench import Bounds, Examples, Norm
from advbench.testing import streams
from advbench_hsj.asking import AT_ONCE, Asking
from advbench_hsj.attack import HopSkipJump
from advbench_hsj.draws import WalkStreams
from advbench_hsj.settings import Settings, settle
from advbench_hsj.walks import Walks

QUICK = HopSkipJump(iterations=3)
MODES = [QUICK, HopSkipJump(preset="paper", iterations=3), HopSkipJump(restarts=3, race=0, iterations=3)]


@pytest.mark.parametrize("component", MODES)
@pytest.mark.parametrize("norm", [Norm.L2, Norm.LINF])
def test_what_is_returned_is_adversarial_and_inside(component, norm):
    network, _ = linear()
    x = inner()
    answer = attack(component, network, x, norm)
    assert (labels_of(network, answer.x) != labels_of(network, x)).all()
    assert float(answer.x.min()) >= 0
    assert float(answer.x.max()) <= 1
    assert not answer.blind.any()


@pytest.mark.parametrize("step", ["geometric", "grid"])
def test_more_iterations_never_return_a_farther_point(step):
    network, _ = linear(64)
    x = inner(6, 64)
    sizes = [distance(attack(HopSkipJump(iterations=t, restarts=1, step=step), network, x).x, x) for t in (1, 2, 4, 8)]
    for fewer, more in itertools.pairwise(sizes):
        assert (more <= fewer).all()
    assert float((sizes[-1] / sizes[0]).median()) < 0.9


@pytest.mark.parametrize("component", MODES)
@pytest.mark.parametrize("budget", [1, 2, 30, 500])
def test_a_budget_is_kept_also_where_it_ends_before_the_start_is_found(component, budget):
    network, _ = linear()
    x = inner()
    oracle = oracle_for(network, x, budget=budget)
    answer = component.perturb(oracle, x, streams(6))
    assert int(oracle.queries.max()) <= budget
    changed = (answer.x != x).any(dim=1)
    assert (labels_of(network, answer.x) != labels_of(network, x))[changed].all()
    assert changed.all() == (budget >= 30)


def test_a_row_that_is_broken_already_costs_one_query_and_stays():
    network, _ = linear()
    x = inner()
    y = labels_of(network, x)
    y[2] = 1 - y[2]
    oracle = oracle_for(network, x, y=y)
    answer = QUICK.perturb(oracle, x, streams(6))
    assert torch.equal(answer.x[2], x[2])
    assert int(oracle.queries[2]) == 1
    assert int(oracle.queries[3]) > 100


@pytest.mark.parametrize("init", ["uniform", "blended", "fixed"])
def test_where_no_start_is_found_the_input_returns_and_is_called_blind(init):
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    nn.init.zeros_(network[1].weight)
    x = inner()
    oracle = oracle_for(network, x)
    answer = HopSkipJump(init=init, tries=37).perturb(oracle, x, streams(6))
    assert torch.equal(answer.x, x)
    assert answer.blind.all()
    assert oracle.queries.tolist() == [38] * 6
    assert answer.notes["started"].tolist() == [0] * 6


@pytest.mark.parametrize(("race", "walks_that_try"), [(1000, 1), (0, 4)])
def test_further_walks_try_where_the_first_found_no_start_only_if_they_do_not_race(race, walks_that_try):
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    nn.init.zeros_(network[1].weight)
    oracle = oracle_for(network, inner())
    HopSkipJump(restarts=4, race=race, tries=37).perturb(oracle, inner(), streams(6))
    assert oracle.queries.tolist() == [1 + 37 * walks_that_try] * 6


def test_one_start_less_hinders_nobody():
    """One class fills the box but for a corner, so that no noise leaves it."""
    network, w = linear()
    with torch.no_grad():
        network[1].bias.add_(torch.tensor([2.0, -2.0]))
    corner = (w > 0).float()
    x = torch.stack([inner(1)[0], corner])
    assert labels_of(network, x).tolist() == [0, 1]
    answer = attack(HopSkipJump(tries=50, iterations=2), network, x)
    assert answer.notes["started"].tolist() == [0, 1]
    assert torch.equal(answer.x[0], x[0])


def test_blending_starts_where_noise_alone_cannot():
    """Noise is far from the input's first feature; half of it is not."""
    network = nn.Sequential(nn.Flatten(), _Band())
    x = torch.full((4, 64), 0.9)
    started = {
        init: float(attack(HopSkipJump(init=init, tries=100, iterations=1), network, x).notes["started"].sum())
        for init in ("uniform", "blended")
    }
    assert started == {"uniform": 0, "blended": 4}


class _Band(nn.Module):
    """Class 1 where the mean lies between .65 and .75."""

    def forward(self, x):
        inside = ((x.mean(dim=1) - 0.7).abs() < 0.05).to(x.dtype)
        return torch.stack([1 - inside, inside], dim=1)


def test_a_walk_begins_at_the_closest_of_its_starts():
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    with torch.no_grad():
        network[1].weight.zero_()[1, 0] = 1
        network[1].bias.copy_(torch.tensor([0.6, 0.0]))  # class 1 where the first feature exceeds .6
    x = torch.full((3, 64), 0.5)
    near, far = torch.full((64,), 0.5), torch.full((64,), 0.5)
    near[0], far[:2] = 0.9, torch.tensor([0.7, 0.9])
    asking = Asking(oracle_for(network, x), x)
    walks = Walks(settle(HopSkipJump()), asking, WalkStreams(streams(3), 3, 1, x.device), (1.0,))
    starts = torch.stack([torch.stack([far, near]), torch.stack([far, near]), torch.stack([near, far])])
    walks.begin(torch.arange(3), starts, torch.tensor([[True, True], [True, False], [True, True]]))
    assert walks.size.tolist() == pytest.approx([0.1, 0.05**0.5, 0.1], rel=0.01)
    assert distance(walks.point, x).tolist() == pytest.approx(walks.size.tolist(), rel=1e-5)
    assert walks.before.tolist() == pytest.approx([0.4, 0.2**0.5, 0.4])


@pytest.mark.parametrize("norm", [Norm.L2, Norm.LINF])
@pytest.mark.parametrize("step", ["geometric", "grid"])
def test_walks_do_not_depend_on_how_many_go_beside_them(norm, step):
    """With nothing to share, each further walk can only bring an example closer."""
    network, _ = linear(30)
    x = inner(6, 30)
    sizes = [
        distance(attack(HopSkipJump(restarts=n, step=step, race=0, iterations=2), network, x, norm).x, x, norm)
        for n in (1, 2, 5)
    ]
    for fewer, more in itertools.pairwise(sizes):
        assert (more <= fewer).all()
        assert (more < fewer).any()


@pytest.mark.parametrize(("budget", "same"), [(150, True), (2000, False)])
def test_further_starts_are_left_out_where_they_would_cost_too_much(budget, same):
    network, _ = linear()
    one, six = (
        attack(HopSkipJump(restarts=1, starts=starts, iterations=1), network, inner(), budget=budget).x
        for starts in (1, 6)
    )
    assert torch.equal(one, six) == same


@pytest.mark.parametrize(("init", "targeted"), [("fixed", False), ("blended", True)])
def test_images_of_the_pool_are_starts(init, targeted):
    network = stripes()
    seeds = torch.linspace(0.05, 0.95, 19)[:, None].expand(19, 4).contiguous()
    x = torch.full((3, 4), 0.5) + torch.tensor([[-0.02], [0.0], [0.02]])
    y = labels_of(network, x)
    assert y.tolist() == [1, 1, 1]
    target = torch.tensor([0, 2, 0]) if targeted else None
    component = HopSkipJump(init=init, iterations=4)
    oracle = oracle_for(network, seeds, y=torch.zeros(19, dtype=torch.int64), classes=3, target=None)
    if targeted:
        oracle = oracle_for(network, seeds, y=torch.zeros(19, dtype=torch.int64), classes=3,
                            target=torch.ones(19, dtype=torch.int64))  # fmt: skip
    pool = component.prepare(oracle, Examples(torch.arange(19), seeds, labels_of(network, seeds)), streams(19))
    assert torch.equal(pool.arrays["labels"].bincount(), torch.tensor([2, 2, 2]))
    aimed = oracle_for(network, x, y=y, target=target, classes=3, prepared=pool, keep=True)
    answer = component.perturb(aimed, x, streams(3))
    first = aimed.kept[1][0]
    assert all(bool((seeds == point).all(dim=1).any()) for point in first)
    reached = labels_of(network, answer.x)
    assert (reached == target).all() if targeted else (reached != y).all()


def test_nothing_is_prepared_for_noise():
    network = stripes()
    x = torch.rand(5, 4)
    oracle = oracle_for(network, x, classes=3)
    assert not HopSkipJump().prepare(oracle, Examples(torch.arange(5), x, labels_of(network, x)), streams(5)).arrays
    assert int(oracle.queries.sum()) == 0


@pytest.mark.parametrize(("shape", "bounds"), [((16,), Bounds(-3.0, 5.0)), ((8, 2), Bounds(0, 255)), ((1, 4, 4), None)])
@pytest.mark.parametrize("norm", [Norm.L2, Norm.LINF])
def test_any_rank_any_bounds_and_one_row(shape, bounds, norm):
    network, _ = linear()
    low, width = (bounds.low, bounds.width) if bounds else (0.0, 1.0)
    with torch.no_grad():
        network[1].weight.div_(width)
        network[1].bias.sub_(network[1].weight.sum(dim=1) * low)
    x = (low + width * inner(1)).reshape(1, *shape)
    answer = attack(QUICK, network, x, norm, bounds=bounds)
    assert answer.x.shape == x.shape
    assert labels_of(network, answer.x) != labels_of(network, x)


def test_rows_are_bit_equal_alone_and_in_another_order():
    network, _ = linear(30)
    x = inner(7, 30)
    together = attack(QUICK, network, x).x
    order = [3, 0, 6, 2, 5, 1, 4]
    oracle = oracle_for(network, x[order])
    assert torch.equal(QUICK.perturb(oracle, x[order], _Picked(streams(7), order)).x, together[order])
    alone = QUICK.perturb(oracle_for(network, x[4:5]), x[4:5], _Picked(streams(7), [4])).x
    assert torch.equal(alone[0], together[4])


def test_an_examples_queries_come_in_the_same_order_whatever_is_attacked_beside_it():
    """A stochastic contender answers by the number of the query. Points are long, so that they go in many blocks."""
    network, _ = linear(3000)
    x = inner(4, 3000)
    component = HopSkipJump(restarts=3, race=0, probe=1.0, iterations=1)

    def asked_about(rows):
        oracle = oracle_for(network, x[rows], keep=True)
        component.perturb(oracle, x[rows], _Picked(streams(4), rows))
        return torch.cat([points[of == rows.index(3)] for points, of in oracle.kept])

    assert torch.equal(asked_about([3]), asked_about([0, 3, 1, 2]))


class _Picked:
    """The streams of some rows, in another order."""

    def __init__(self, inner_streams, order):
        self.inner, self.order = inner_streams, torch.tensor(order)

    def normal(self, rows, shape):
        return self.inner.normal(self.order[rows], shape)

    def uniform(self, rows, shape):
        return self.inner.uniform(self.order[rows], shape)

    def integers(self, rows, shape, high):
        return self.inner.integers(self.order[rows], shape, high)


def test_what_is_asked_at_once_is_bounded_by_the_block():
    network, _ = linear(784)
    x = inner(40, 784)
    oracle = oracle_for(network, x)
    HopSkipJump(restarts=3, race=0, iterations=2).perturb(oracle, x, streams(40))
    assert AT_ONCE / 2 < oracle.most <= AT_ONCE


def committee(features=256, members=20):
    """Votes of hyperplanes that have little in common: a facet of the boundary is one member's, and leads astray.

    Also inputs far on either side of what they have in common.
    """
    generator = torch.Generator().manual_seed(0)
    w = torch.randn(features, generator=generator)
    network = nn.Sequential(nn.Flatten(), nn.Linear(features, members), _Votes())
    with torch.no_grad():
        weight = 0.3 * w + torch.randn(members, features, generator=generator)
        network[1].weight.copy_(weight)
        network[1].bias.copy_(-weight.sum(dim=1) / 2)
    side = torch.where(torch.arange(8) % 2 == 0, 0.25, -0.25)[:, None] * w.sign()
    return network, (0.5 + side + 0.1 * torch.randn(8, features, generator=generator)).clamp(0, 1)


class _Votes(nn.Module):
    def forward(self, x):
        share = (x > 0).to(x.dtype).mean(dim=1)
        return torch.stack([1 - share, share], dim=1)


def test_votes_of_sign_networks_get_longer_noise_and_fall_to_shorter_changes():
    network, x = committee()
    searched = attack(HopSkipJump(iterations=8, restarts=1), network, x)
    paper = attack(HopSkipJump(iterations=8, restarts=1, probe=1.0), network, x)
    assert float((searched.notes["probe"] > 1).float().mean()) > 0.5
    assert float((distance(searched.x, x) / distance(paper.x, x)).log().mean().exp()) < 0.8


def test_presets_are_what_the_papers_print():
    assert settle(HopSkipJump(preset="scd")) == Settings(1.0, "geometric", "uniform", 10, 1, 0, 100, 1000)
    assert settle(HopSkipJump(preset="scd-fixed")) == Settings(1.0, "geometric", "fixed", 1, 1, 0, 10, 1000)
    assert settle(HopSkipJump(preset="paper", restarts=3, probe="search")).restarts == 3
    assert settle(HopSkipJump(preset="paper", probe="search")).probe is None
