"""Sources of one-file plugins that the tests write down and load with --plugin."""

SLOW = """
import time
from dataclasses import dataclass
import torch
from advbench import *

@dataclass(frozen=True)
class Slow:
    "Random shaking, eight examples at a time, a little pause before each step."
    steps: int = param(20, ge=1, help="draws")
    pause: float = param(0.0, ge=0, help="seconds")

    def perturb(self, oracle, x, rng):
        out = x.clone()
        for _ in range(self.steps):
            rows = oracle.live.nonzero().flatten()
            if not len(rows):
                break
            time.sleep(self.pause)
            points = oracle.bounds.clip(x[rows] + 0.2 * rng.normal(rows, x.shape[1:]))
            hit = oracle.goal.met(oracle.labels(points, rows), rows)
            out[rows[hit]] = points[hit]
        return Perturbed(out)

@hookimpl
def advbench_register_attacks(register):
    register(AttackSpec(name="slow", summary="shakes", needs=Access.LABELS, modalities=frozenset(Modality),
                        norms=frozenset({Norm.L2}), batched=True, shard=8), Slow)
"""

FAULTY = """
import sys
from dataclasses import dataclass
import torch
from advbench import *

@dataclass(frozen=True)
class Faulty:
    "Does one thing wrong."
    how: str = param("raise", help="what goes wrong", positional=True)

    def perturb(self, oracle, x, rng):
        if self.how == "raise":
            raise ZeroDivisionError("the attack divided by zero")
        if self.how == "exit":
            sys.exit(3)
        if self.how == "nan":
            return Perturbed(x * float("nan"))
        if self.how == "shape":
            return Perturbed(x[:, :1])
        if self.how == "outside":
            return Perturbed(x + 5)
        if self.how == "ask-outside":
            oracle.labels(x + 5)
        if self.how == "word":
            return "done"
        if self.how == "dig":
            oracle._asker.contender.labels(x)
        return Perturbed(x)

@hookimpl
def advbench_register_attacks(register):
    register(AttackSpec(name="faulty", summary="does one thing wrong", needs=Access.LABELS,
                        modalities=frozenset(Modality), norms=frozenset({Norm.L2}), batched=True), Faulty)
"""

DATA = """
from dataclasses import dataclass
import torch
from advbench import *

@dataclass(frozen=True)
class Bad(LabelledDataset):
    "Random numbers with one fault."
    fault: str = param("nan-eval", help="what is wrong", positional=True)

    def all_facts(self):
        return DatasetFacts(modality=Modality.TABULAR, shape=(3,), classes=2, bounds=Bounds(0.0, 1.0),
                            digest=self.fault, eps={Norm.L2: 0.3}, sizes={"train": 40, "tune": 10, "eval": 20})

    def all_labels(self, split):
        n = self.all_facts().sizes[split]
        return torch.zeros(n, dtype=torch.int64) if self.fault == "one-class" else torch.arange(n) % 2

    def read(self, split, positions):
        x = torch.rand(len(positions), 3, generator=torch.Generator().manual_seed(0))
        if self.fault == f"nan-{split}":
            x[0, 0] = float("nan")
        if self.fault == "outside":
            x[0, 0] = 1.5
        return positions, x

@hookimpl
def advbench_register_datasets(register):
    register(DatasetSpec(name="bad", summary="faulty", modality=Modality.TABULAR, license="none"), Bad)
"""
