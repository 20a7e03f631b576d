"""ZOO against known answers: linear optima, query counts, bounds."""

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from advbench import Bounds

sys.path.insert(0, str(Path(__file__).resolve().parent))
from zoo_case import UNIT, Streams, labels_of, linear, oracle_for, smooth

from advbench_zoo.attack import Zoo
from advbench_zoo.differences import margin
from advbench_zoo.step_size import LADDER


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def test_the_count_is_two_b_plus_one_per_step_and_the_ladder():
    network, x = smooth(), torch.rand(3, 12, dtype=torch.float64)
    y = labels_of(network, x)
    for coordinates, steps in ((5, 7), (12, 4)):
        oracle = oracle_for(network, x, y, classes=3)
        attack = Zoo(h=1e-4, iterations=steps, searches=1, coordinates=coordinates, abort_every=1000)
        attack.perturb(oracle, x, Streams(3))
        assert oracle.asked.tolist() == [(2 * coordinates + 1) * steps] * 3
        oracle = oracle_for(network, x, y, classes=3)
        answer = Zoo(iterations=steps, searches=1, coordinates=coordinates, abort_every=1000).perturb(
            oracle, x, Streams(3)
        )
        assert answer.notes["h"].tolist() == [LADDER[0]] * 3, "a smooth contender reacts to the smallest h"
        assert oracle.asked.tolist() == [(2 * coordinates + 1) * steps + 2 + 2 * 12 + 1] * 3


def test_paper_settings_ask_257_points_a_step():
    network = linear(784)[0].float()
    x = torch.rand(1, 1, 28, 28)
    oracle = oracle_for(network, x, labels_of(network, x), dtype=torch.float32)
    Zoo(h=1e-4, iterations=3, searches=1, coordinates=128, abort_every=1000).perturb(oracle, x, Streams(1))
    assert oracle.asked.tolist() == [257 * 3]


@pytest.mark.parametrize("box", ["projection", "tanh"])
@pytest.mark.parametrize("bounds", [UNIT, Bounds(-1.0, 3.0)])
def test_every_point_stays_in_the_bounds(box, bounds):
    network, _ = linear(6)
    x = bounds.low + bounds.width * torch.tensor([[0.0, 1.0, 0.5, 0.3, 0.0, 1.0]], dtype=torch.float32)
    oracle = oracle_for(network.float(), x, labels_of(network.float(), x), bounds=bounds, dtype=torch.float32)
    answer = Zoo(h=0.3, iterations=40, searches=2, box=box, learning_rate=0.2).perturb(oracle, x, Streams(1))
    assert bounds.low <= oracle.lowest <= oracle.highest <= bounds.high
    assert oracle.highest - oracle.lowest > 0.9 * bounds.width, "the whole range must be in use"
    assert bounds.low <= float(answer.x.min()) <= float(answer.x.max()) <= bounds.high


@pytest.mark.parametrize("box", ["projection", "tanh"])
def test_a_linear_victim_falls_at_its_exact_distance(box):
    network, w = linear(16, seed=1)
    generator = torch.Generator().manual_seed(3)
    x = 0.3 + 0.4 * torch.rand(6, 16, generator=generator, dtype=torch.float64)
    f = x @ w - 0.5 * w.sum()
    x = x + ((0.15 - f.abs()) * f.sign())[:, None] * w  # 0.15 from the boundary, inside the box
    y = labels_of(network, x)
    oracle = oracle_for(network, x, y)
    answer = Zoo(iterations=400, searches=9, box=box, learning_rate=0.005).perturb(oracle, x, Streams(6))
    assert (labels_of(network, answer.x) != y).all()
    distance = (answer.x - x).norm(dim=1)
    assert (distance >= 0.15 - 1e-9).all()
    assert float(distance.max()) < 0.15 * 1.02


@pytest.mark.parametrize("kappa", [0.0, 0.1, 0.5])
def test_a_success_wins_by_kappa(kappa):
    network, x = smooth(classes=4), torch.rand(4, 3, 4, dtype=torch.float64)
    with torch.no_grad():
        network[3].weight.mul_(5)  # so that every class is within reach by a wide margin
    y = labels_of(network, x)
    target = network(x).topk(2, dim=1).indices[:, 1]
    oracle = oracle_for(network, x, y, target=target, classes=4)
    answer = Zoo(kappa=kappa, iterations=200, searches=4, learning_rate=0.05).perturb(oracle, x, Streams(4))
    changed = (answer.x != x).flatten(1).any(dim=1)
    assert changed.any()
    won = -margin(network(answer.x), oracle.goal, torch.arange(4)).detach()
    assert (won[changed] >= kappa - 1e-12).all()
    if kappa:
        assert (won[changed] < kappa + 0.2).all(), "no farther than asked for"


def test_a_contender_that_never_answers_differently_is_blind():
    network = nn.Sequential(nn.Flatten(), nn.Linear(9, 2))
    nn.init.zeros_(network[1].weight)
    x = torch.rand(3, 9)
    oracle = oracle_for(network, x, labels_of(network, x), dtype=torch.float32)
    answer = Zoo(iterations=5, searches=2).perturb(oracle, x, Streams(3))
    assert answer.blind.all()
    assert torch.equal(answer.x, x)
    oracle = oracle_for(network, x, labels_of(network, x), dtype=torch.float32)
    assert Zoo(h=1e-4, iterations=5, searches=2).perturb(oracle, x, Streams(3)).blind.all()


def test_rows_stop_when_a_step_is_no_longer_paid_for():
    network, x = smooth(), torch.rand(3, 12, dtype=torch.float64)
    oracle = oracle_for(network, x, labels_of(network, x), classes=3, budget=100)
    Zoo(h=1e-4, coordinates=6).perturb(oracle, x, Streams(3))
    assert oracle.asked.tolist() == [91] * 3  # seven steps of 13
