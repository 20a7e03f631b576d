"""Short ways to set up a contest, an oracle or a ledger by hand."""

import functools
import random

import numpy as np
import torch

from advbench import Access, ClassGoal, Examples, Job, Modality, Norm, Threat
from advbench.arena.asking import Asker
from advbench.arena.contest import Contest, run_shard
from advbench.arena.draws import NoiseSource, SeedPath
from advbench.arena.ledger import Ledger
from advbench.arena.meter import Metered
from advbench.arena.oracle import ORACLES
from advbench.builtin.datasets import Digits
from advbench.builtin.distances import L0, L1, L2, Linf, Words
from advbench.testing import grid_examples, grid_facts

CPU = torch.device("cpu")


def measures(facts):
    """The distances of a contest over such data, by norm."""
    if facts.modality is Modality.TEXT:
        return {Norm.WORDS: functools.partial(_measure, Words(), 1.0)}
    kinds = {Norm.L0: L0(), Norm.L1: L1(), Norm.L2: L2(), Norm.LINF: Linf()}
    return {norm: functools.partial(_measure, distance, facts.bounds.width) for norm, distance in kinds.items()}


def _measure(distance, width, x, x_adv):
    return distance(x, x_adv, width)


def contest_of(contender, attack, *, needs=Access.LABELS, batched=True, facts=None, seed=0, **threat):
    facts = facts or grid_facts()
    root = SeedPath(seed)
    threat.setdefault("norm", Norm.WORDS if facts.modality is Modality.TEXT else Norm.L2)
    return Contest(
        contender=contender,
        attack=attack,
        needs=needs,
        batched=batched,
        threat=Threat(access=needs, **threat),
        facts=facts,
        distances=measures(facts),
        attack_seeds=root.child("attack"),
        noise_seeds=root.child("noise"),
        judge_seeds=root.child("judge"),
        device=CPU,
    )


def play(contender, attack, examples=None, *, target=None, prepared=None, **rules):
    """The rows of one shard, in order."""
    examples = examples if examples is not None else grid_examples(8)
    return run_shard(contest_of(contender, attack, **rules), examples, target, prepared).examples


def subset(examples, index):
    x = examples.x
    index = torch.as_tensor(index)
    picked = tuple(x[i] for i in index.tolist()) if isinstance(x, tuple) else x[index]
    return Examples(examples.ids[index], picked, examples.y[index])


class Counted:
    """An oracle with its ledger and its meter."""

    def __init__(self, contender, x, y, *, target=None, access=Access.LABELS, classes=2, facts=None, **threat):
        facts = facts or grid_facts(classes=classes)
        threat.setdefault("norm", Norm.WORDS if facts.modality is Modality.TEXT else Norm.L2)
        self.threat = Threat(access=access, **threat)
        self.meter = Metered(contender)
        self.goal = ClassGoal(y, target)
        self.ledger = Ledger(x, self.goal, self.threat, facts.bounds, measures(facts)[self.threat.norm])
        ids = list(range(100, 100 + len(y)))
        noise = NoiseSource(SeedPath(0, "noise"), ids) if contender.facts.stochastic else None
        self.oracle = ORACLES[access](Asker(self.meter, classes, CPU), self.ledger, noise)

    @property
    def counts(self):
        """(queries, gradients) by the ledger, then by the meter."""
        ledger = self.ledger
        return (int(ledger.queries.sum()), int(ledger.gradients.sum())), (self.meter.rows, self.meter.gradients)


def job(dataset=None, seed=0, **more):
    """A training job on a small real set."""
    dataset = dataset or Digits(classes=(3, 8))
    return Job(
        train=dataset.load("train"),
        tune=dataset.load("tune"),
        facts=dataset.facts(),
        rng=SeedPath(seed, "training"),
        device=CPU,
        **more,
    )


def global_states():
    """Everything that a stray draw would move, in a comparable form."""
    return (random.getstate(), str(np.random.get_state()), tuple(torch.get_rng_state().tolist()))


def same(a, b):
    """Equal records, NaN equal to NaN, bit by bit."""
    return repr(sorted(a.items())) == repr(sorted(b.items()))
