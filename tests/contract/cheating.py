"""Turns a class written in a test into a subject of the kit, without installing anything."""

from dataclasses import dataclass, replace

from advbench import Access, AttackSpec, Modality, Norm
from advbench.catalog.plugins import Entry, Installed, Source, discover
from advbench.catalog.registry import read
from advbench.catalog.resolve import Resolver
from advbench.testing.examination import examine
from advbench.testing.subject import Subject

COUNT: list[int] = []  # how often something was done, for cheats that keep track
STRANGER = Source("stranger", "advbench-stranger", "1.0")
ATTACK = AttackSpec(
    name="cheat",
    summary="breaks one rule",
    needs=Access.LABELS,
    modalities=frozenset({Modality.TABULAR, Modality.IMAGE}),
    norms=frozenset({Norm.L2}),
    targeted=True,
    batched=True,
)


def subject_of(kind, cls, spec, trial="", target=None):
    """The subject that a plugin's `register(spec, cls)` would give."""
    entry = Entry(kind, spec, target or cls, STRANGER)
    installed = Installed()
    installed.entries = {of: dict(known) for of, known in discover(only="").entries.items()}
    installed.entries[kind][spec.name] = entry
    return Subject(entry, Resolver(installed, read()), trial, True)


def attack_of(cls, **spec):
    return subject_of("attack", anew(cls), replace(ATTACK, **spec))


def anew(cls):
    """A class of its own, for a class serves one name and one spec only."""
    fresh = type(cls.__name__, (cls,), {"__module__": cls.__module__, "__doc__": cls.__doc__})
    return dataclass(frozen=True)(fresh)


def finding(subject, check):
    """What the kit says; its text must come from the check itself, not from an accident."""
    return examine(subject, check, seconds=5.0)
