"""Square against the one of the Adversarial Robustness Toolbox: same model, examples, eps, p and iterations."""

import math
import statistics
from collections.abc import Iterator
from dataclasses import replace

from torch import Tensor, nn

from advbench import Examples, Norm
from advbench.arena.asking import Asker
from advbench.arena.contest import Outcome, run_shard
from advbench.arena.draws import SeedPath
from advbench.arena.networks import TorchContender
from advbench.builtin.distances import Linf
from advbench_score.square import Square

from . import art_square
from .arena import CPU, contest
from .fair import mcnemar
from .harness import Figure, Goal, at_most, figure, in_turn, ratios, step
from .victims import Victim, digits_cnn

N, SEEDS, ITERATIONS, P, ROUNDS = 60, 4, 300, 0.3, 3
EPS = {Norm.LINF: 0.2, Norm.L2: 5.0}
FACTOR = 4  # images of 8 x 8 leave the toolbox's first l2 point without a number


def figures() -> Iterator[Figure]:
    """Success, median queries and wall time, for both norms."""
    victim, examples = enlarged(digits_cnn())
    for norm, eps in EPS.items():
        yield from _compare(victim, examples, norm, eps)


def enlarged(small: Victim) -> tuple[Victim, Examples]:
    """The same network behind a mean over 4 x 4 pixels, and its first examples, each pixel as 4 x 4."""
    examples = small.examples("eval", N)
    assert isinstance(examples.x, Tensor)
    x = examples.x.repeat_interleave(FACTOR, dim=2).repeat_interleave(FACTOR, dim=3)
    contender = TorchContender(nn.Sequential(nn.AvgPool2d(FACTOR), small.contender.network))
    facts = replace(small.facts, shape=tuple(x.shape[1:]))
    victim = replace(small, name="digits 32x32", contender=contender, facts=facts)
    return victim, Examples(examples.ids, x, examples.y)


def ours(victim: Victim, examples: Examples, norm: Norm, eps: float, seed: int = 0) -> Outcome:
    """Square as one shard of the arena, judged."""
    width = victim.facts.bounds.width if victim.facts.bounds else 1.0
    base = contest(victim.contender, Square(p=P, iterations=ITERATIONS), victim.facts, ITERATIONS + 2)
    distances = {**base.distances, Norm.LINF: lambda a, b: Linf()(a, b, width)}
    threat, draws = replace(base.threat, norm=norm, eps=eps), SeedPath(seed).child("attack")
    return run_shard(replace(base, threat=threat, distances=distances, attack_seeds=draws), examples)


def toolbox(
    victim: Victim, examples: Examples, norm: Norm, eps: float, watch: bool, seed: int = 0
) -> tuple[Tensor, art_square.Memory | None]:
    """The toolbox's points."""
    assert victim.facts.bounds is not None
    return art_square.attack(victim.contender, examples, victim.facts.bounds, norm, eps, P, ITERATIONS, watch, seed)


def sizes_of(examples: Examples, points: Tensor, norm: Norm) -> Tensor:
    """How far each point is from its example."""
    assert isinstance(examples.x, Tensor)
    return (points - examples.x).flatten(1).norm(p=math.inf if norm is Norm.LINF else 2, dim=1)


def _compare(victim: Victim, examples: Examples, norm: Norm, eps: float) -> Iterator[Figure]:
    name = f"{victim.name}, {norm.value} {eps:g}"
    labels = Asker(victim.contender, victim.facts.classes, CPU).labels
    mine, theirs, asked, asked_by_toolbox = [], [], [], []
    for seed in range(SEEDS):  # the toolbox draws one window for all rows: one seed is one stroke of luck
        with step(f"{name}: both, counted, seed {seed}"):
            rows = ours(victim, examples, norm, eps, seed).examples
            points, memory = toolbox(victim, examples, norm, eps, True, seed)
        assert memory is not None
        mine += [row["verdict"] == "broken" for row in rows]
        asked += [row["first_query"] or math.inf for row in rows]
        theirs += ((labels(points) != examples.y) & (sizes_of(examples, points, norm) <= eps + 1e-6)).tolist()
        asked_by_toolbox += memory.first.tolist()
    only_mine = sum(a and not b for a, b in zip(mine, theirs, strict=True))
    only_theirs = sum(b and not a for a, b in zip(mine, theirs, strict=True))
    goal = Goal("ours ahead, or >= 0.05", lambda p: only_mine >= only_theirs or p >= 0.05)
    yield figure(f"{name}: share broken, ours", sum(mine) / len(mine))
    yield figure(f"{name}: share broken, toolbox", sum(theirs) / len(theirs))
    told = f"only ours {only_mine}, only toolbox {only_theirs} of {len(mine)}"
    yield figure(f"{name}: exact p of the difference (McNemar)", mcnemar(only_mine, only_theirs), goal, told)
    limit = statistics.median(asked_by_toolbox)
    yield figure(f"{name}: median queries, ours", statistics.median(asked), at_most(limit))
    yield figure(f"{name}: median queries, toolbox, no point counted twice", limit)
    yield from _times(name, victim, examples, norm, eps)


def _times(name: str, victim: Victim, examples: Examples, norm: Norm, eps: float) -> Iterator[Figure]:
    with step(f"{name}: {ROUNDS} rounds, ours and the toolbox in turn"):
        times = in_turn(
            ROUNDS, lambda: ours(victim, examples, norm, eps), lambda: toolbox(victim, examples, norm, eps, False)
        )
    yield figure(f"{name}: ours, wall (s)", times[0])
    yield figure(f"{name}: toolbox as shipped, wall (s)", times[1])
    yield figure(f"{name}: ours / toolbox (x)", ratios(*times), at_most(1.0))
