"""Rows share calls, never numbers: each is bit-equal alone, among seven, and in another order."""

import itertools
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parent))
from zoo_case import UNIT, Streams, oracle_for

from advbench_zoo.adam import CoordinateAdam
from advbench_zoo.attack import Zoo
from advbench_zoo.space import Box

MODES = {
    "default": {},
    "tanh": {"box": "tanh", "h": 1e-3},
    "newton": {"solver": "newton", "learning_rate": 0.3},
    "two steps": {"solver": "newton", "h": 1e-3, "hessian_h": 0.02, "learning_rate": 0.5, "c": 3.0},
    "mixture": {"solver": "adam-newton"},
    "grows": {"reduce": "bilinear", "sizes": (3, 6), "grow_at": (4,), "importance": "refresh", "adam_reset": True},
    "dct": {"reduce": "dct", "sizes": (3, 6), "grow_at": (4,), "box": "tanh", "learning_rate": 0.08, "c": 3.0},
    "importance": {"importance": "refresh", "importance_every": 2},
}


def victim():
    generator = torch.Generator().manual_seed(1)
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(144, 3))
    for parameter in network.parameters():
        parameter.data.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    return network


@pytest.mark.parametrize("mode", MODES)
def test_a_row_never_notices_the_others(mode, monkeypatch):
    monkeypatch.setattr("advbench_zoo.differences.AT_ONCE", 64 * 200)  # several calls a step
    x = torch.rand(7, 1, 8, 8, generator=torch.Generator().manual_seed(2))
    attack = Zoo(**{"iterations": 12, "searches": 3, "c": 0.3, "coordinates": 9, **MODES[mode]})

    def run(rows):
        oracle = oracle_for(victim(), x[rows], classes=3, dtype=torch.float32, budget=900)
        answer = attack.perturb(oracle, x[rows], Streams(rows))
        notes = torch.stack([answer.notes[name] for name in sorted(answer.notes)], dim=1)
        return answer.x, torch.cat([notes, oracle.asked.double().unsqueeze(1)], dim=1)

    together, notes = run(list(range(7)))
    order = [3, 0, 6, 2, 5, 1, 4]
    shuffled, shuffled_notes = run(order)
    assert torch.equal(shuffled, together[order])
    assert torch.equal(shuffled_notes, notes[order])
    for row in (0, 4):
        alone, alone_notes = run([row])
        assert torch.equal(alone[0], together[row])
        assert torch.equal(alone_notes[0], notes[row])
    assert (together != x).flatten(1).any(dim=1).any(), "some row must have moved"


@pytest.mark.parametrize("features", [4, 5, 12])
def test_the_arithmetic_of_a_row_does_not_depend_on_its_place(features):
    """Narrow rows end where torch changes from whole vectors to what is left over."""
    rows, box = torch.arange(9), Box(UNIT, tanh=True)
    x = torch.rand(200, 9, features, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    rate = 1.0
    index = torch.arange(features).expand(9, -1)
    for part in x:
        together, alone = CoordinateAdam.zeros(part), CoordinateAdam.zeros(part[4:5])
        for step in range(1, 4):
            one = alone.step(rows[:1], index[:1], part[4:5] * step, rate)
            assert torch.equal(together.step(rows, index, part * step, rate)[4:5], one)
        assert torch.equal(box.variable(part)[4:5], box.variable(part[4:5].clone()))
        assert torch.equal(box.value(part)[4:5], box.value(part[4:5].clone()))


@pytest.mark.parametrize("mode", ["default", "newton"])
def test_a_step_touches_no_more_than_b_variables(mode):
    x = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(2))
    attack = Zoo(**{"h": 1e-2, "iterations": 6, "searches": 1, "c": 1e-9, "coordinates": 5, **MODES[mode]})
    oracle = oracle_for(victim(), x, classes=3, dtype=torch.float32, keep=True)
    attack.perturb(oracle, x, Streams(2))
    cost = 11
    steps = oracle.of(0)[::cost].flatten(1)
    touched = (steps[1:] != steps[:-1]).sum(dim=1)
    assert (touched <= 5).all()
    for start in range(0, len(steps) * cost, cost):
        probes = oracle.of(0)[start : start + cost].flatten(1)
        assert ((probes[1:] != probes[0]).sum(dim=1) <= 1).all(), "a probe moves one variable"


def test_longer_attacks_never_end_farther_away():
    x = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(2))
    sizes = []
    for searches in (1, 2, 4, 6):
        oracle = oracle_for(victim(), x, classes=3, dtype=torch.float32)
        answer = Zoo(h=1e-3, iterations=40, searches=searches, c=3.0).perturb(oracle, x, Streams(3))
        moved = (answer.x != x).flatten(1).any(dim=1)
        sizes.append(torch.where(moved, (answer.x - x).flatten(1).norm(dim=1), torch.inf))
    assert all((later <= earlier).all() for earlier, later in itertools.pairwise(sizes))
    assert (sizes[-1] < sizes[0]).any()
