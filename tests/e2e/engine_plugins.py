"""Sources of one-file plugins for runs by several processes; the tests write them down and load them with --plugin."""

# Contenders that say each time when they are trained, and attacks that ask for all that an attack may ask for.
WORKING = """
import os
from dataclasses import dataclass
from pathlib import Path
import torch
from advbench import *

def told(who):
    with Path("trained.txt").open("a") as file:
        file.write(f"{who} {os.getpid()}\\n")

class Nearest:
    def __init__(self, means, shake, steps=0):
        self.means, self.shake, self.steps = means, shake, steps
        self.facts = ContenderFacts(access=Access.SCORES, stochastic=shake > 0)

    def scores(self, x, *, noise=None):
        x = x.flatten(1)
        x = x + self.shake * noise.normal(x.shape[1:]) if self.shake else x
        x = (x * self.steps).round() / self.steps if self.steps else x
        return -((x[:, None] - self.means) ** 2).sum(dim=2)

    def labels(self, x, *, noise=None):
        return self.scores(x, noise=noise).argmax(dim=1)

    def state(self):
        return State({"means": self.means}, {"shake": self.shake, "steps": self.steps})

def again(state):
    return Nearest(state.arrays["means"], state.meta["shake"], state.meta["steps"])

@dataclass(frozen=True)
class Means:
    "The nearest mean of a class."
    shake: float = param(0.0, ge=0, help="noise")

    def facts(self):
        return ContenderFacts(access=Access.SCORES, stochastic=self.shake > 0)

    def build(self, job):
        return None

    def fit(self, job):
        told(f"means {self.shake}")
        x, y = job.train.x.flatten(1), job.train.y
        return Nearest(torch.stack([x[y == k].mean(dim=0) for k in range(job.facts.classes)]), self.shake)

    def restore(self, state, job):
        return again(state)

@dataclass(frozen=True)
class Rounded:
    "Looks at few shades."

    def facts(self, base):
        return base

    def protect(self, base, job):
        told(f"rounded {base.shake}")
        return Nearest(base.means, base.shake, 4)

    def restore(self, base, state, job):
        return again(state)

@dataclass(frozen=True)
class Learner:
    "Asks about its seeds first."

    def prepare(self, oracle, seeds, rng):
        rows = torch.arange(10)
        said = oracle.labels(seeds.x[:10], rows)
        return State({"towards": seeds.x[:10].mean(dim=0)}, {"said": said.tolist()})

    def perturb(self, oracle, x, rng):
        towards = oracle.prepared.arrays["towards"]
        out = x.clone()
        for step in range(1, 6):
            rows = oracle.live.nonzero().flatten()
            if not len(rows):
                break
            shaken = towards - x[rows] + 0.1 * rng.normal(rows, x.shape[1:])
            points = oracle.bounds.clip(x[rows] + 0.1 * step * shaken)
            hit = oracle.goal.met(oracle.labels(points, rows), rows)
            out[rows[hit]] = points[hit]
        return Perturbed(out, notes={"learnt": torch.full((len(x),), float(sum(oracle.prepared.meta["said"])))})

@dataclass(frozen=True)
class Borrow:
    "Shakes, and tells how the contender of its field answers."
    source: object = component("contender", default="means", help="whose answers")

    def perturb(self, oracle, x, rng):
        points = oracle.bounds.clip(x + 0.3 * rng.normal(torch.arange(len(x)), x.shape[1:]))
        return Perturbed(points, notes={"said": oracle.contenders["source"].labels(points)})

NUMBERS = frozenset({Modality.IMAGE, Modality.TABULAR})

@hookimpl
def advbench_register_models(register):
    register(ModelSpec(name="means", summary="s", modalities=NUMBERS), Means)

@hookimpl
def advbench_register_defenses(register):
    register(DefenseSpec(name="rounded", summary="s", base="trained", modalities=NUMBERS), Rounded)

@hookimpl
def advbench_register_attacks(register):
    rest = {"summary": "s", "modalities": NUMBERS, "norms": frozenset(Norm), "targeted": True, "batched": True}
    register(AttackSpec(name="learner", needs=Access.LABELS, shard=5, **rest), Learner)
    register(AttackSpec(name="borrow", needs=Access.NONE, shard=5, **rest), Borrow)
"""

# An attack, and a model, that end their process, for one example alone where `victim` is its id; until there is a
# file of that name, all is `mended`.
MORTAL = """
import ctypes, os, resource, signal, subprocess, sys, threading, time
from dataclasses import dataclass
from pathlib import Path
import torch
from advbench import *

def die(how):
    if Path("mended").exists(): return
    if how == "segfault": ctypes.string_at(0)
    if how == "exit": os._exit(3)
    if how == "leave": sys.exit(4)
    if how == "interrupt": raise KeyboardInterrupt
    if how == "hang":  # hears no signal, and keeps the interpreter to itself
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
        ctypes.PyDLL(None).sleep(1000)
    if how == "fork": os.fork()
    if how == "close-standard": os.closerange(0, 3)
    if how == "close-objects":
        sys.__stdout__.close()
        sys.__stderr__.close()
    if how == "speak": os.write(2, b"\\x1b]0;owned\\x07 and gone\\n"); os._exit(9)
    if how == "memory":
        limits = resource.getrlimit(resource.RLIMIT_AS)
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20), limits[1]))
        try:
            bytearray(1 << 30)
        finally:
            resource.setrlimit(resource.RLIMIT_AS, limits)
    if how == "company":
        threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
        Path("company").write_text(str(subprocess.Popen(["sleep", "1000"]).pid))

@dataclass(frozen=True)
class Mortal:
    "Asks once, and may die of it."
    how: str = param("well", help="what goes wrong", positional=True)
    victim: int = param(-1, help="id of the example that it befalls; -1: any")
    once: bool = param(False, help="the first time only")

    def perturb(self, oracle, x, rng):
        ids = (x[:, 0] * 100).round().int().tolist()
        if (self.victim < 0 or self.victim in ids) and not (self.once and Path("died").exists()):
            if self.once:
                Path("died").touch()
            die(self.how)
        points = oracle.bounds.clip(x + 0.2 * rng.normal(torch.arange(len(x)), x.shape[1:]))
        oracle.labels(points)
        return Perturbed(points)

@dataclass(frozen=True)
class Numbers(LabelledDataset):
    "The first number tells an example's id, the second its label."

    def all_facts(self):
        return DatasetFacts(modality=Modality.TABULAR, shape=(2,), classes=2, bounds=Bounds(0.0, 1.0), digest="numbers",
                            eps={Norm.L2: 0.3}, sizes={"train": 40, "tune": 10, "eval": 24})

    def all_labels(self, split):
        return torch.arange(self.all_facts().sizes[split]) % 2

    def read(self, split, positions):
        ids = torch.as_tensor(positions)
        return positions, torch.stack([ids / 100, ids % 2 * 0.6 + 0.2], dim=1).float()

class Second:
    facts = ContenderFacts(access=Access.SCORES)

    def scores(self, x, *, noise=None):
        return torch.stack([0.5 - x[:, 1], x[:, 1] - 0.5], dim=1)

    def labels(self, x, *, noise=None):
        return self.scores(x).argmax(dim=1)

    def state(self):
        return State({}, {})

@dataclass(frozen=True)
class Look:
    "Looks at the second number; its training may die."
    how: str = param("well", help="what goes wrong", positional=True)

    def facts(self):
        return Second.facts

    def build(self, job):
        return None

    def fit(self, job):
        die(self.how)
        return Second()

    def restore(self, state, job):
        return Second()

TABLES = frozenset({Modality.TABULAR})

@hookimpl
def advbench_register_attacks(register):
    register(AttackSpec(name="mortal", summary="s", needs=Access.LABELS, modalities=TABLES, norms=frozenset({Norm.L2}),
                        batched=True, shard=8), Mortal)

@hookimpl
def advbench_register_models(register):
    register(ModelSpec(name="look", summary="s", modalities=TABLES), Look)

@hookimpl
def advbench_register_datasets(register):
    register(DatasetSpec(name="numbers", summary="s", modality=Modality.TABULAR, license="none"), Numbers)
"""
