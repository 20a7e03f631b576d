"""Attacks on the same examples in other company: all at once, one by one, in groups, in another order."""

import functools
import random
import sys
from dataclasses import dataclass
from pathlib import Path

import torch

from advbench import DatasetFacts, Examples, Perturbed
from advbench.arena.contest import run_shard
from advbench.builtin.datasets import BreastCancer, Digits
from advbench.builtin.models import Linear, Mlp
from advbench.testing import NeighbourlyContender, NoisyContender, grid_examples, grid_facts

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))
from arena_case import contest_of, job, subset

N = 26  # no multiple of anything that matters


@dataclass(frozen=True)
class Bout:
    """Who is attacked with what."""

    contender: object
    facts: DatasetFacts
    examples: Examples

    def rows(self, attack, needs, groups, rules):
        """Records by example, with the trace and the judged point of each, when attacked group by group."""
        contest = contest_of(self.contender, attack, needs=needs, facts=self.facts, **rules)
        found = {}
        for group in groups:
            outcome = run_shard(contest, subset(self.examples, group))
            for row in outcome.examples:
                name = row["example_id"]
                trace = [(step["query"], step["distance"]) for step in outcome.trace if step["example_id"] == name]
                point = outcome.points.get(str(name))
                found[name] = {**row, "trace": trace, "point": None if point is None else point.flatten().tolist()}
        return found


def companies(n):
    """Ways to attack n examples, by name; each attacks all of them."""
    shuffled = random.Random(0).sample(range(n), n)
    return {
        "one by one": split(range(n), 1),
        "in sevens": split(range(n), 7),
        "shuffled": [shuffled],
        "shuffled, in shards of 12": split(shuffled, 12),
        "backwards, in shards of 17": split(range(n)[::-1], 17),
    }


def split(order, size):
    return [list(order[start : start + size]) for start in range(0, len(order), size)]


def unlike(bout, attack, needs, rules):
    """What other company changes, as "company: example.column: all together and in it"; and the rows all together."""
    n = len(bout.examples)
    together = bout.rows(attack, needs, [list(range(n))], rules)
    told = []
    for name, groups in companies(n).items():
        rows = bout.rows(attack, needs, groups, rules)
        assert rows.keys() == together.keys()
        for example, row in together.items():
            told += [
                f"{name}: {example}.{column}: {value!r} and {rows[example].get(column)!r}"
                for column, value in row.items()
                if repr(value) != repr(rows[example].get(column))  # bit by bit, and NaN equals NaN
            ]
    return told, together


@functools.cache
def bout(name):
    """Contenders trained for real on bundled data, and toys."""
    if name in ("noisy", "neighbourly"):
        toy = NoisyContender(scale=0.1) if name == "noisy" else NeighbourlyContender()
        return Bout(toy, grid_facts(), grid_examples(N))
    data = Digits(classes=(3, 8)) if name == "mlp" else BreastCancer()
    training = job(data)
    contender = _train(name, training)
    return Bout(contender, training.facts, data.load("eval", range(N)))


def _train(name, training):
    if name == "scd":
        from advbench_scd.defense import Scd

        return Scd(votes=20, iterations=100).protect(None, training)
    return {"linear": Linear(epochs=30), "mlp": Mlp(epochs=30)}[name].fit(training)


@dataclass(frozen=True)
class Herd:
    """A bad attack: every row goes where the rows beside it are on average."""

    def perturb(self, oracle, x, rng):
        out = oracle.bounds.clip(0.5 * x + 0.5 * x.mean(dim=0))
        oracle.labels(out)
        return Perturbed(out)


@dataclass(frozen=True)
class OneDie:
    """A bad attack: the first row's draws decide for all."""

    def perturb(self, oracle, x, rng):
        first = torch.zeros(1, dtype=torch.int64)
        out = oracle.bounds.clip(x + rng.normal(first, x.shape[1:]))
        oracle.labels(out)
        return Perturbed(out)
