"""ZOO against the one of the Adversarial Robustness Toolbox: the same examples, equal queries, one judge, one run."""

import functools
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from advbench import Examples
from advbench.arena.asking import Asker
from advbench_zoo.attack import Zoo

from . import art_zoo
from .arena import CPU, Recording, judged_points, play, queries, replay
from .art_zoo import Setting
from .fair import distance_if_broken, within
from .harness import Figure, Goal, at_most, figure, ratios, seconds, step
from .victims import Victim, breast_cancer_mlp, digits_cnn

BUDGET = 5000  # queries an example
N, BLOCKS = 100, 5
TRIALS = 25  # other examples, on which the toolbox's settings are chosen
SIZES = (0.5, 1.0, 1.5, 2.0)


def figures() -> Iterator[Figure]:
    """A tabular network and an image network, ten lines and more each."""
    for victim in (breast_cancer_mlp(), digits_cnn()):
        yield from _compare(victim)


def _compare(victim: Victim) -> Iterator[Figure]:
    name, examples = victim.name, victim.examples("eval", N)
    with step(f"{name}: settings of the toolbox, on {TRIALS} examples of the tune split"):
        setting = choose(victim)
    budget = setting.queries(BUDGET)
    recording = Recording(victim.contender)
    outcome = play(recording, Zoo(), examples, victim.facts, budget)
    times, theirs, asked = _race(victim, examples, setting, recording.parts, budget)
    yield figure(f"{name}: queries an example, toolbox", asked / len(examples), note=told(setting))
    spent = queries(outcome)
    yield figure(f"{name}: queries an example, ours", sum(spent) / len(spent), at_most(asked / len(examples)))
    yield from _outcomes(name, _sizes(victim, examples, judged_points(outcome, examples)), theirs)
    yield from _times(victim, times)


def choose(victim: Victim) -> Setting:
    """The setting that breaks most of the trial examples, over all four sizes; then the smallest changes."""
    trials = victim.examples("tune", TRIALS)

    @functools.cache
    def score(setting: Setting) -> tuple[int, float]:
        points, _ = _toolbox(victim, trials, setting, whole_calls=True)
        sizes = _sizes(victim, trials, points)
        return sum(int((sizes <= eps).sum()) for eps in SIZES), -float(sizes.clamp(max=1e3).mean())

    return art_zoo.best_setting(victim.facts.features, score)


def told(setting: Setting) -> str:
    """A setting in a few words."""
    return (
        f"of those tried: lr {setting.learning_rate:g}, c {setting.initial_const:g}, {setting.searches} searches of"
        f" {setting.iterations(BUDGET)} iterations, {setting.coordinates} coordinates, h {setting.variable_h:g}"
    )


def _toolbox(victim: Victim, examples: Examples, setting: Setting, whole_calls: bool) -> tuple[Tensor, int]:
    bounds = victim.facts.bounds
    assert bounds is not None
    return art_zoo.attack(victim.contender, examples, bounds, setting, BUDGET, whole_calls=whole_calls)


def _sizes(victim: Victim, examples: Examples, points: Tensor) -> Tensor:
    asker, bounds = Asker(victim.contender, victim.facts.classes, CPU), victim.facts.bounds
    assert bounds is not None
    assert isinstance(examples.x, Tensor)
    return distance_if_broken(asker, examples.x, examples.y, points, bounds)


@dataclass(frozen=True)
class Times:
    """Seconds for all examples, one per round; the toolbox's are those of one block times the blocks."""

    ours: list[float]
    model: list[float]
    shipped: list[float]
    whole: list[float]


def _race(
    victim: Victim, examples: Examples, setting: Setting, parts: list[Tensor], budget: int
) -> tuple[Times, Tensor, int]:
    """Each round: ours on all examples, the model on the same rows, the toolbox on the next block of examples.

    The toolbox goes through examples one by one at the same number of queries, so a block is its
    share of the whole. Also what the toolbox reached with whole calls, and the rows it asked for that.
    """
    times, sizes, asked = Times([], [], [], []), [], 0
    for number in range(BLOCKS):
        block = _block(examples, number)
        with step(f"{victim.name}: round {number + 1} of {BLOCKS}, ours and the toolbox in turn"):
            times.ours.append(seconds(lambda: play(victim.contender, Zoo(), examples, victim.facts, budget)))
            times.model.append(seconds(lambda: replay(victim.contender, parts)))
            started = time.perf_counter()
            points, rows = _toolbox(victim, block, setting, whole_calls=True)
            between = time.perf_counter()
            _toolbox(victim, block, setting, whole_calls=False)
            ended = time.perf_counter()
        times.whole.append((between - started) * len(examples) / len(block))
        times.shipped.append((ended - between) * len(examples) / len(block))
        sizes.append(_sizes(victim, block, points))
        asked += rows
    return times, torch.cat(sizes), asked


def _block(examples: Examples, number: int) -> Examples:
    n = len(examples)
    part = slice(number * n // BLOCKS, (number + 1) * n // BLOCKS)
    return Examples(examples.ids[part], examples.x[part], examples.y[part])


def _outcomes(name: str, ours: Tensor, theirs: Tensor) -> Iterator[Figure]:
    for eps in SIZES:
        pair = within(ours, theirs, eps)
        ahead = pair.only_first >= pair.only_second
        goal = Goal("ours ahead, or >= 0.05", lambda p, ahead=ahead: ahead or p >= 0.05)
        yield figure(f"{name}: share broken within L2 {eps:g}, ours", pair.first)
        yield figure(f"{name}: share broken within L2 {eps:g}, toolbox", pair.second)
        yield figure(
            f"{name}: within L2 {eps:g}, exact p of the difference (McNemar)",
            pair.p,
            goal,
            f"only ours {pair.only_first}, only toolbox {pair.only_second}",
        )
    both = ours.isfinite() & theirs.isfinite()
    logs = (ours[both] / theirs[both]).log()
    yield figure(f"{name}: L2 of ours / toolbox, geometric mean", math.exp(float(logs.mean())))


def _times(victim: Victim, times: Times) -> Iterator[Figure]:
    name = victim.name
    image = len(victim.facts.shape or ()) > 1
    yield figure(f"{name}: ours, wall (s)", times.ours)
    yield figure(f"{name}: the model alone, same rows, wall (s)", times.model)
    yield figure(f"{name}: toolbox as shipped, wall (s)", times.shipped)
    yield figure(f"{name}: toolbox lent whole calls, wall (s)", times.whole)
    yield figure(f"{name}: ours / model (x)", ratios(times.ours, times.model), at_most(1.3) if image else None)
    shipped = ratios(times.ours, times.shipped)
    yield figure(f"{name}: ours / toolbox as shipped (x)", shipped, at_most(1.0 if image else 0.1))
    yield figure(f"{name}: ours / toolbox lent whole calls (x)", ratios(times.ours, times.whole), at_most(1.0))
