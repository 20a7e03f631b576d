"""Which attack by labels finds the smallest L2 changes with few queries: CGBA, SurFree, HopSkipJump."""

import functools
import importlib.util
import math
import sys
from collections.abc import Iterator
from typing import Any

import torch
from scipy.stats import t as student
from torch import Tensor, nn

from advbench import DataAbsent
from advbench.arena.asking import Asker
from advbench_decision.cgba import Cgba

from . import art_hsj
from .arena import CPU, judged_points, play
from .fair import distance_if_broken
from .harness import Figure, below, figure, step
from .surfree import SurFree
from .victims import Victim, _trained, digits_cnn

BUDGETS = (500, 1000, 2000)
N = 60


def figures() -> Iterator[Figure]:
    """Geometric means of paired ratios to the toolbox, with the ends of their 95 % intervals in the note."""
    for make in (digits_cnn, mnist_mlp):
        try:
            victim = make()
        except DataAbsent as absent:
            print(f"  ... left out: {absent}", file=sys.stderr)
            continue
        yield from _compare(victim)


@functools.cache
def mnist_mlp() -> Victim:
    """Two hidden layers on 28x28 digits; two passes over the training images."""
    from advbench_data.mnist import Mnist

    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)
    )
    return _trained("mnist-mlp", network, Mnist(), epochs=2)


def rivals() -> dict[str, Any]:
    """By name; HopSkipJump of this project where it is installed."""
    found: dict[str, Any] = {
        "cgba": Cgba(), "cgba, all frequencies": Cgba(frequencies=1.0),
        "surfree, half": SurFree(), "surfree, all frequencies": SurFree(share=1.0),
    }  # fmt: skip
    if importlib.util.find_spec("advbench_hsj"):
        from advbench_hsj.attack import HopSkipJump

        found |= {"hsj": HopSkipJump(), "hsj, preset=paper": HopSkipJump(preset="paper")}
    return found


def _compare(victim: Victim) -> Iterator[Figure]:
    examples, bounds = victim.examples("eval", N), victim.facts.bounds
    assert bounds is not None
    with step(f"{victim.name}: HopSkipJump of the toolbox"):
        theirs = art_hsj.sizes(victim.contender, examples, bounds, BUDGETS)
    for budget in BUDGETS:
        yield _median(f"{victim.name}, {budget}: toolbox's hsj", theirs[budget])
    asker = Asker(victim.contender, victim.facts.classes, CPU)
    for name, attack in rivals().items():
        for budget in BUDGETS:
            outcome = play(victim.contender, attack, examples, victim.facts, budget)
            points = judged_points(outcome, examples)
            ours = distance_if_broken(asker, examples.x, examples.y, points, bounds)
            yield _median(f"{victim.name}, {budget}: {name}", ours)
            yield _ratio(f"{victim.name}, {budget}: {name} / toolbox", ours, theirs[budget], goal=name == "cgba")


def _median(what: str, sizes: Tensor) -> Figure:
    return figure(f"{what}, median L2", float(sizes.quantile(0.5)), note=f"broken {int(sizes.isfinite().sum())}")


def _ratio(what: str, ours: Tensor, theirs: Tensor, goal: bool) -> Figure:
    both = ours.isfinite() & theirs.isfinite()
    logs = (ours[both] / theirs[both]).log()
    mean, error = float(logs.mean()), float(logs.std()) / math.sqrt(len(logs))
    reach = float(student.ppf(0.975, len(logs) - 1)) * error
    note = f"95 % {math.exp(mean - reach):.3f} to {math.exp(mean + reach):.3f}, n = {len(logs)}"
    return figure(what, math.exp(mean), below(1.0) if goal else None, note)
