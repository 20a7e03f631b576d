"""The substitute: what it asks, where it steps, and that it learns the victim."""

import math

import pytest
import torch
from arena_case import contest_of

from advbench import Access, Norm, TorchContender
from advbench.arena.contest import prepare, run_shard
from advbench.catalog.plugins import discover
from advbench.catalog.registry import read
from advbench.catalog.resolve import Resolver
from advbench.testing import BOUNDS, LabelsOnly, ThresholdContender, grid_examples
from advbench_substitute.committee import Committee
from advbench_substitute.learning import augmented, sign_of
from advbench_substitute.presets import PRESETS, settle
from advbench_substitute.stand_in import further

RESOLVER = Resolver(discover(only="substitute,gradient"), read())
SMALL = "network.hidden=8,epochs=20,learning_rate=0.02,attack=ifgsm"
SEEDS = grid_examples(40, seed=1)


def attack(text):
    return RESOLVER.one("attack", text).instance


def learnt(text, contender=None, seeds=SEEDS, **rules):
    contest = contest_of(contender or LabelsOnly(ThresholdContender()), attack(text), **{"eps": 1.0, **rules})
    return contest, *prepare(contest, seeds)


@pytest.mark.parametrize(("seeds", "rounds"), [(8, 1), (8, 3), (10, 4)])
def test_the_points_double_in_each_round_and_each_is_one_query(seeds, rounds):
    _, state, queries = learnt(f"substitute:seeds={seeds},rounds={rounds},{SMALL}")
    points = seeds * 2 ** (rounds - 1)
    assert state.meta["points"] == points
    assert queries == points + 40 - seeds  # and the others, which tell the agreement
    assert state.meta["rounds"] == rounds


def test_true_labels_of_the_seeds_need_not_be_asked():
    asked, given = (learnt(f"substitute:seeds=8,rounds=3,ask_seeds={how},{SMALL}")[2] for how in ("yes", "no"))
    assert asked - given == 8


def test_beyond_keep_the_points_are_replaced():
    _, state, queries = learnt(f"substitute:seeds=8,rounds=5,keep=16,{SMALL}")
    assert state.meta["points"] == 32  # 8, 16, 32, then the 32 new ones instead, twice
    assert queries == (8 + 8 + 16 + 32 + 32) + 32  # and the agreement


def test_asking_ends_with_the_budget_of_the_cell():
    _, state, queries = learnt(f"substitute:seeds=8,rounds=6,{SMALL}", max_prepare_queries=50)
    assert queries == 50
    assert state.meta["points"] == 50
    assert state.meta["agreement"] is None  # nothing is asked for it that the learning could use


def test_labels_are_all_that_it_sees_and_it_learns_them():
    contest, state, _ = learnt(f"substitute:seeds=40,rounds=5,{SMALL}", seeds=grid_examples(60, seed=1))
    assert contest.contender.facts.access is Access.LABELS
    assert state.meta["agreement"] >= 0.9
    examples = grid_examples(32, seed=3)
    tried = run_shard(contest, examples, prepared=state).examples
    near = (examples.x[:, 0] - 1).abs() < 0.75  # within eps of the boundary
    fell = torch.tensor([row["verdict"] == "broken" for row in tried])
    assert int(near.sum()) >= 8
    assert float(fell[near].double().mean()) >= 0.75
    assert max(row["queries"] for row in tried) <= 4  # one for each overshoot
    assert all(row["note_agreement"] == pytest.approx(state.meta["agreement"]) for row in tried)


def test_of_a_victim_that_says_nothing_it_learns_nothing():
    """The bad case: the agreement is what tells a poor substitute from a robust victim."""

    class Coin(ThresholdContender):
        def labels(self, x, *, noise=None):
            return (x.double().sum(dim=1) * 1e6).long() % 2

    _, state, _ = learnt(f"substitute:seeds=20,rounds=4,{SMALL}", Coin())
    assert state.meta["agreement"] < 0.9


def test_steps_have_exactly_that_length_and_none_where_the_gradient_is_zero():
    network = torch.nn.Linear(4, 3)
    with torch.no_grad():
        network.weight[:, 2] = 0
    x, y = torch.rand(50, 4), torch.arange(50) % 3
    moved = augmented(network, x, y, -0.1) - x
    expected = -0.1 * network.weight[y].sign()
    assert torch.allclose(moved, expected.detach(), atol=1e-6)
    assert not bool(moved[:, 2].any())


def test_the_sign_turns_every_third_round_or_by_chance():
    periodic, coin = PRESETS["none"], PRESETS["scd"]
    generator = torch.Generator().manual_seed(0)
    assert [sign_of(r, periodic, generator) for r in range(8)] == [1, 1, 1, -1, -1, -1, 1, 1]
    assert {sign_of(r, coin, generator) for r in range(20)} == {-1, 1}


@pytest.mark.parametrize("preset", PRESETS)
def test_what_is_typed_goes_before_the_preset(preset):
    settings = settle(attack(f"substitute:preset={preset},seeds=7,keep=all"))
    assert (settings.seeds, settings.keep) == (7, None)
    assert settings.rounds == PRESETS[preset].rounds


@pytest.mark.parametrize("norm", [Norm.L1, Norm.L2, Norm.LINF])
def test_going_further_ends_at_eps_and_at_the_bounds(norm):
    x = torch.full((1, 4), 2.5)
    candidate = x + torch.tensor([[0.2, -0.1, 0.0, 0.4]])
    free = further(x, candidate, 1.5, norm, None, BOUNDS)
    assert torch.allclose(free, torch.tensor([[2.8, 2.35, 2.5, 3.0]]))
    size = (further(x, candidate, 1.5, norm, 0.25, BOUNDS) - x).double().norm(p=float(norm.value[1:]))
    assert math.isclose(float(size), 0.25, rel_tol=1e-5)


def test_a_committee_has_the_gradient_of_its_mean():
    torch.manual_seed(0)
    networks = [torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3)) for _ in range(3)]
    committee = Committee([TorchContender(network) for network in networks])
    x = torch.rand(5, 4)

    def loss(scores):
        return scores[:, 1] - scores[:, 2] ** 2

    value, grad = committee.value_and_grad(x, loss, gradient="exact")
    free = x.clone().requires_grad_(True)
    mean = torch.stack([network(free).log_softmax(dim=1) for network in networks]).mean(dim=0)
    (expected,) = torch.autograd.grad(loss(mean).sum(), free)
    assert torch.allclose(grad, expected, atol=1e-6)
    assert torch.allclose(value, loss(mean).detach(), atol=1e-6)
    assert torch.allclose(committee.scores(x), mean.detach(), atol=1e-6)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("substitute:network=none", "substitute: network must be a model, got none"),
        ("substitute:attack=substitute", "attack must not learn first itself, got substitute"),
        ("transfer:source=none", "transfer: source must be a contender, got none"),
        ("transfer:overshoot=0", "transfer: overshoot must be > 0 and <= 100, got 0"),
        ("substitute:step=2", "substitute: step must be > 0 and <= 1, got 2"),
    ],
)
def test_what_cannot_be_is_told(text, told):
    with pytest.raises(Exception, match=".*") as caught:
        attack(text)
    assert told in str(caught.value)
