"""Plans among what is installed and some toys."""

from dataclasses import dataclass, replace

from advbench import (
    Access,
    AttackFacts,
    AttackSpec,
    ContenderFacts,
    DefenseSpec,
    MetricSpec,
    Modality,
    Norm,
    component,
    param,
)
from advbench.bench.plan import make_plan
from advbench.bench.request import Request
from advbench.catalog.plugins import Entry, Source, discover
from advbench.catalog.registry import read
from advbench.catalog.resolve import Resolver

HERE = Source("toys", "advbench-toys", "1.0")
NUMERIC = frozenset({Modality.IMAGE, Modality.TABULAR, Modality.SERIES})


@dataclass(frozen=True)
class Climb:
    loss: object = component("metric", help="not used")

    def facts(self):
        return AttackFacts(needs=Access.GRADIENTS, norms=frozenset(Norm))


@dataclass(frozen=True)
class Noise:
    sigma: float = param(0.1, gt=0, help="noise")

    def facts(self, base):
        return replace(base, stochastic=True, gradients=("exact", "surrogate/tau=.1"))


@dataclass(frozen=True)
class Own:
    sizes: tuple[int, ...] = param((8,), ge=1, help="layers")
    rate: float = param(0.5, gt=0, help="rate")
    fast: bool = param(True, help="hurry")

    def facts(self, base):
        assert base is None
        return ContenderFacts(access=Access.LABELS)


@dataclass(frozen=True)
class Namesake(Noise):
    pass


@dataclass(frozen=True)
class Thin:
    width: int = param(1, help="width")

    def facts(self):
        return ContenderFacts(access=Access.SCORES)


def defense(base, twin=None, name="toy"):
    return DefenseSpec(name=name, summary="", modalities=NUMERIC, base=base, twin=twin)


ATTACK = AttackSpec(
    name="climb", summary="", needs=Access.GRADIENTS, modalities=NUMERIC, norms=frozenset(Norm), targeted=True
)
METRIC = MetricSpec(name="gone", summary="", unit="share", higher_is_better=True, columns=frozenset())


def resolver(*more):
    """What the house brings, and toys: (kind, spec, class)."""
    installed = discover(only="scd,zoo")
    toys = [
        ("attack", ATTACK, Climb),
        ("attack", replace(ATTACK, name="blunt", targeted=False), Climb),
        ("defense", defense("architecture", name="noise"), Noise),
        ("defense", defense("none", name="alone"), Own),
        *more,
    ]
    for kind, spec, cls in toys:
        fresh = dataclass(frozen=True)(type(cls.__name__, (cls,), {})) if isinstance(cls, type) else cls
        installed.entries[kind][spec.name] = Entry(kind, spec, fresh, HERE)
    return Resolver(installed, read())


FOUND = resolver()


def plan(found=FOUND, **options):
    options = {"attack": ("zoo",), "dataset": ("two-moons",)} | options
    return make_plan(Request(**options), found)


def one(found=FOUND, **options):
    (cell,) = plan(found, **options).cells
    return cell


def contenders(found=FOUND, **options):
    return [(cell.opponent.text, cell.opponent.twin_of) for cell in plan(found, **options).cells]
