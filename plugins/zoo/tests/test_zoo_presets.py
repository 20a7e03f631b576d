"""The paper's settings, and that what was typed beats them."""

import sys
from pathlib import Path

import pytest
import torch

from advbench import AdvbenchError

sys.path.insert(0, str(Path(__file__).resolve().parent))
from zoo_case import Streams, linear, oracle_for

from advbench_zoo.attack import Zoo
from advbench_zoo.presets import PRESETS, settle


@pytest.mark.parametrize(
    ("preset", "iterations", "rate", "c", "searches", "box", "reduce", "sizes", "grow_at", "importance", "reset"),
    [
        ("mnist", 3000, 0.01, 0.01, 9, "projection", "none", (32,), (), "none", False),
        ("cifar10", 1000, 0.01, 0.01, 9, "tanh", "none", (32,), (), "none", False),
        ("imagenet", 1500, 0.002, 10, 1, "tanh", "bilinear", (32,), (), "none", False),
        (
            "imagenet-targeted", 20000, 0.002, 10, 1, "tanh", "bilinear", (32, 64, 128), (2000, 10000), "refresh", True,
        ),
    ],
)  # fmt: skip
def test_presets_are_the_papers(preset, iterations, rate, c, searches, box, reduce, sizes, grow_at, importance, reset):
    settings = settle(Zoo(preset=preset))
    assert (settings.h, settings.coordinates, settings.hessian_floor) == (1e-4, 128, 0)
    assert (settings.iterations, settings.learning_rate, settings.c, settings.searches) == (
        iterations, rate, c, searches,
    )  # fmt: skip
    assert (settings.box, settings.reduce, settings.sizes, settings.grow_at) == (box, reduce, sizes, grow_at)
    assert (settings.importance, settings.adam_reset) == (importance, reset)


def test_what_is_typed_wins_even_if_it_is_our_default():
    ours = settle(Zoo())
    assert (ours.h, ours.c, ours.iterations, ours.coordinates) == (None, None, 1000, None)
    typed = settle(Zoo(preset="mnist", c=0.2, iterations=1000, h="search"))
    assert (typed.c, typed.iterations, typed.h) == (0.2, 1000, None)
    assert settle(Zoo(preset="imagenet-targeted", importance="none", adam_reset=False)).importance == "none"
    assert settle(Zoo(preset="imagenet-targeted", sizes=(32, 64))).grow_at == (2000,)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"reduce": "dct", "sizes": (4, 8), "grow_at": (1, 2)}, "grow_at must name 1 steps for 2 sizes, got 2"),
        ({"reduce": "dct", "sizes": (4, 8, 16, 32)}, "grow_at must name 3 steps"),
        ({"reduce": "dct", "sizes": (8, 4), "grow_at": (3,)}, "sizes must be rising, got 8/4"),
        ({"sizes": (8,)}, "reduce must be bilinear or dct"),
        ({"reduce": "dct", "importance": "refresh"}, "importance must be none with reduce=dct"),
        ({"solver": "newton", "adam_reset": True}, "adam_reset must be false"),
        ({"hessian_h": 0.01}, "solver must be newton or adam-newton for hessian_h"),
    ],
)
def test_contradictions_are_refused_when_typed(typed, told):
    with pytest.raises(ValueError, match=told):
        Zoo(**typed)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("solver", ["adam", "newton", "adam-newton"])
def test_every_preset_serves_every_solver(preset, solver):
    assert settle(Zoo(preset=preset, solver=solver))


def test_a_preset_asks_257_points_a_step_and_writes_the_papers_numbers():
    network = linear(784)[0].float()
    x = torch.rand(1, 1, 28, 28)
    oracle = oracle_for(network, x, dtype=torch.float32, budget=257 * 4 + 100)
    answer = Zoo(preset="mnist").perturb(oracle, x, Streams(1))
    assert oracle.asked.tolist() == [257 * 4]
    assert answer.notes["h"].tolist() == [1e-4]


def test_the_class_can_be_described_and_typed():
    from advbench.contract.params import build, describe, items

    assert {info.name: info.default for info in describe(Zoo)}["sizes"] == "auto"
    raw = {"preset": "imagenet", "sizes": "16/32", "grow_at": "100", "adam_reset": "true", "h": "search", "c": "2"}
    attack = build(Zoo, "zoo", raw, lambda *args: None)
    assert items(attack) == raw
    with pytest.raises(AdvbenchError, match="zoo: reduce must be bilinear or dct"):
        build(Zoo, "zoo", {"sizes": "4"}, lambda *args: None)
