"""Sources of plugins with every fault one can think of; the tests write them down and load them with --plugin."""

ATTACKS = """
import sys
from dataclasses import dataclass
import torch
from advbench import *

class Stop(BaseException):
    pass

class Mute(Exception):
    def __str__(self):
        raise RuntimeError

@dataclass(frozen=True)
class Bad:
    "Does one thing wrong."
    how: str = param("raise", help="what goes wrong \\x1b[31m", positional=True)

    def perturb(self, oracle, x, rng):
        if self.how == "raise": raise ZeroDivisionError("divided by \\x1b[31mzero")
        if self.how == "mute": raise Mute
        if self.how == "exit": sys.exit(3)
        if self.how == "stop": raise Stop("now")
        if self.how == "recursion": return self.perturb(oracle, x, rng)
        if self.how == "memory": torch.zeros(10**15)
        if self.how == "huge-message": raise ValueError("y" * 3_000_000)
        if self.how == "interrupt": raise KeyboardInterrupt
        if self.how == "nan": return Perturbed(x * float("nan"))
        if self.how == "shape": return Perturbed(x[:, :1])
        if self.how == "giant": return Perturbed(torch.zeros(1).expand(10**9, 10**6))
        if self.how == "dtype": return Perturbed(x.double())
        if self.how == "outside": return Perturbed(x + 5)
        if self.how == "list": return Perturbed(x.tolist())
        if self.how == "ask-outside": oracle.labels(x + 5)
        if self.how == "ask-nan": oracle.labels(x * float("nan"))
        if self.how == "ask-shape": oracle.labels(x[:, :1])
        if self.how == "ask-dtype": oracle.labels(x.long())
        if self.how == "ask-list": oracle.labels(x.tolist())
        if self.how == "word": return "done"
        if self.how == "note-word": return Perturbed(x, notes={"h": "word"})
        if self.how == "note-shape": return Perturbed(x, notes={"h": torch.zeros(2, 2)})
        if self.how == "note-name": return Perturbed(x, notes={"\\x1b[31mh": torch.zeros(len(x))})
        if self.how == "blind": return Perturbed(x, blind=torch.zeros(len(x)))
        if self.how == "print":
            print("\\x1b[2J" + "z" * 1_000_000)
            sys.stderr.write("complaint")
            sys.stdout.buffer.write(b"bytes")
        if self.how == "loop":
            while True: pass
        if self.how == "swallow":
            while True:
                try:
                    while True: pass
                except Exception: pass
        return Perturbed(x)

@dataclass(frozen=True)
class Loop:
    inner: object = component("attack", default="bad-knot", help="what is inside")

    def perturb(self, oracle, x, rng):
        return Perturbed(x)

REST = {"needs": Access.LABELS, "modalities": frozenset(Modality), "norms": frozenset(Norm)}

@hookimpl
def advbench_register_attacks(register):
    paper = Paper(title="\\x1b]0;owned\\x07", year=2000, url="http://\\u202egpj.exe", deviations=("\\x9b31m",))
    summary = "does \\x1b[31mone\\n thing \\u202egnorw"
    register(AttackSpec(name="bad", summary=summary, batched=True, paper=paper, **REST), Bad)
    register(AttackSpec(name="bad-knot", summary="holds itself", **REST), Loop)
"""

CONTENDERS = """
import sys
from dataclasses import dataclass
import torch
from advbench import *

class Half:
    "A contender that looks at the first number alone."
    def __init__(self, how, facts):
        self.how, self.facts = how, facts

    def labels(self, x, *, noise=None):
        n = len(x)
        if self.how == "labels-none": return None
        if self.how == "labels-dtype": return torch.zeros(n)
        if self.how == "labels-shape": return torch.zeros(n, 2, dtype=torch.int64)
        if self.how == "labels-range": return torch.full((n,), 99)
        if self.how == "labels-raise": raise ValueError("no labels today")
        if self.how == "labels-exit": sys.exit(1)
        return (x[:, 0] > 0.5).long()

    def scores(self, x, *, noise=None):
        scores = torch.stack([1 - x[:, 0], x[:, 0]], 1)
        if self.how == "scores-nan": return scores * float("nan")
        if self.how == "scores-shape": return scores[:, :1]
        if self.how == "scores-giant": return torch.zeros(1).expand(10**9, 10**6)
        if self.how == "scores-dtype": return scores.long()
        if self.how == "scores-list": return scores.tolist()
        return scores

    def value_and_grad(self, x, loss, *, gradient, noise=None):
        if self.how == "gradient-none": return None
        value = loss(self.scores(x))
        if self.how == "gradient-nan": return value, x * float("nan")
        if self.how == "gradient-shape": return value, x[:, :1]
        return value, torch.zeros_like(x)

    def state(self):
        return "nothing" if self.how == "state" else State({}, {})

def facts_of(how):
    if how == "facts": raise ValueError("no facts today")
    if how == "facts-exit": sys.exit(1)
    if how == "facts-type": return {"access": 3}
    if how == "facts-field": return ContenderFacts(access="scores")
    return ContenderFacts(access=Access.GRADIENTS, gradients=("exact",))

def made(how):
    if how == "raise": raise ValueError("cannot be made")
    if how == "exit": sys.exit(4)
    if how == "none": return None
    if how == "print": print("epoch", "e" * 100_000)
    if how == "loop":
        while True:
            try:
                while True: pass
            except: pass
    return Half(how, facts_of(how))

@dataclass(frozen=True)
class BadModel:
    how: str = param("raise", help="what goes wrong", positional=True)

    def facts(self): return facts_of(self.how)
    def build(self, job): return None
    def fit(self, job): return made(self.how)
    def restore(self, state, job): return Half(self.how, facts_of(self.how))

@dataclass(frozen=True)
class BadDefense:
    how: str = param("raise", help="what goes wrong", positional=True)

    def facts(self, base): return facts_of(self.how)
    def protect(self, base, job): return made(self.how)
    def restore(self, base, state, job): return Half(self.how, facts_of(self.how))

@hookimpl
def advbench_register_models(register):
    register(ModelSpec(name="bad-model", summary="faulty", modalities=frozenset(Modality)), BadModel)

@hookimpl
def advbench_register_defenses(register):
    register(DefenseSpec(name="bad-defense", summary="faulty", base="none", modalities=frozenset(Modality)), BadDefense)
"""

DATA = """
import sys
from dataclasses import dataclass
import torch
from advbench import *

@dataclass(frozen=True)
class BadData:
    how: str = param("raise", help="what goes wrong", positional=True)

    def facts(self):
        if self.how == "facts": raise OSError("no file")
        if self.how == "facts-type": return None
        if self.how == "facts-field": classes = "two"
        else: classes = 2
        return DatasetFacts(modality=Modality.TABULAR, shape=(3,), classes=classes, bounds=Bounds(0.0, 1.0),
                            digest=self.how, eps={Norm.L2: 0.3}, sizes={"train": 40, "tune": 10, "eval": 20})

    def labels(self, split):
        if self.how == "labels": raise OSError("no labels")
        return torch.arange({"train": 40, "tune": 10, "eval": 20}[split]) % 2

    def load(self, split, positions=None):
        if self.how == "raise": raise OSError("disk gone")
        if self.how == "exit": sys.exit(2)
        if self.how == "type": return None
        y = self.labels(split)
        where = torch.arange(len(y)) if positions is None else torch.tensor(positions)
        x = torch.rand(len(y), 3, generator=torch.Generator().manual_seed(0))
        if self.how == "nan": x[:, 0] = float("nan")
        if self.how == "outside": x[:, 0] = 1.5
        if self.how == "dtype": x = x.double()
        if self.how == "shape": x = x[:, :2]
        if self.how == "list": x = x.numpy()
        x, y, ids = x[where], y[where], where
        if self.how == "labels-dtype": y = y.float()
        if self.how == "labels-range": y = y + 5
        if self.how == "ids": ids = ids * 0
        if self.how == "lengths": y = y[1:]
        if self.how == "loop":
            while True: pass
        return Examples(ids, x, y)

@hookimpl
def advbench_register_datasets(register):
    register(DatasetSpec(name="bad-data", summary="faulty", modality=Modality.TABULAR, license="none"), BadData)
"""

METRICS = """
import sys
from dataclasses import dataclass
from advbench import *

@dataclass(frozen=True)
class BadMetric:
    how: str = param("raise", help="what goes wrong", positional=True)

    def __call__(self, rows):
        if self.how == "raise": raise ValueError("no number today")
        if self.how == "exit": sys.exit(0)
        if self.how == "word": return "high"
        if self.how == "field": return Estimate("high", 0.0, 1.0, 3)
        if self.how == "nan": return Estimate(float("nan"), 0.0, 1.0, len(rows))
        if self.how == "print": print("m" * 100_000)
        if self.how == "spoil": rows["verdict"] = "broken"
        if self.how == "loop":
            while True: pass
        return Estimate(1.0, 1.0, 1.0, len(rows))

@hookimpl
def advbench_register_metrics(register):
    rest = {"unit": "\\x1b[31mshare", "higher_is_better": True, "columns": frozenset()}
    register(MetricSpec(name="bad-metric", summary="faulty", **rest), BadMetric)

@hookimpl
def advbench_cell_finished(cell):
    cell.clear()
    raise ValueError("not interested")
"""

DISTANCE = """
from dataclasses import dataclass
from advbench import *

@dataclass(frozen=True)
class Second:
    def __call__(self, x, x_adv, width):
        return (x_adv - x).double().flatten(1).abs().amax(dim=1) / 1000

@hookimpl
def advbench_register_distances(register):
    rest = {"norm": Norm.LINF, "modalities": frozenset({Modality.TABULAR})}
    register(DistanceSpec(name="generous", summary="flatters", **rest), Second)
"""
