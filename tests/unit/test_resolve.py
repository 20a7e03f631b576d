"""From what was typed to a component: sweeps, nesting, provenance, and facts that fail."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from advbench import AttackFacts, AttackSpec, DataAbsent, DatasetSpec, Modality, Norm, Paper, component, param
from advbench.catalog.plugins import Entry, Installed, Source, discover
from advbench.catalog.registry import Registry
from advbench.catalog.resolve import Resolver
from advbench.contract.errors import DataError, ParamError, PluginError, RequestError
from advbench.contract.types import Access

HERE = Source("toys", "advbench-toys", "1.0")
REGISTRY = Registry(Path(), {"data": {"dist": "advbench-data", "datasets": ["mnist"]}}, {})


@dataclass(frozen=True)
class Step:
    steps: int = param(10, ge=1, help="steps")

    def facts(self):
        if self.steps == 13:
            raise ParamError("steps must be another number, got 13. Choose one.")
        return AttackFacts(needs=Access.LABELS, norms=frozenset({Norm.L2}))


@dataclass(frozen=True)
class Twice:
    first: object = component("attack", default="step", help="what runs first")
    then: object = component("attack", help="what runs after it")


@dataclass(frozen=True)
class Lost:
    inner: object = component("atack", default="step", help="a kind that is none")


@dataclass(frozen=True)
class Faulty:
    how: str = param("none", help="what goes wrong", positional=True)

    def facts(self):
        if self.how == "data":
            raise DataError("faulty: fetch it first. Run: advbench data fetch.")
        if self.how == "bug":
            raise ZeroDivisionError("oops")


def entry(name, cls, kind="attack", revision=1):
    if kind == "dataset":
        spec = DatasetSpec(name=name, summary="a toy", modality=Modality.TABULAR, license="none", revision=revision)
    else:
        spec = AttackSpec(
            name=name, summary="a toy", needs=Access.LABELS, modalities=frozenset(Modality), revision=revision,
            norms=frozenset(Norm), paper=Paper(title="t", year=2000, url="u"),
        )  # fmt: skip
    return Entry(kind, spec, cls, HERE)


def resolver(**revisions):
    installed = Installed()
    for name, cls in (("step", Step), ("twice", Twice), ("lost", Lost), ("faulty", Faulty)):
        made = dataclass(frozen=True)(type(cls.__name__, (cls,), {})) if revisions else cls
        installed.entries["attack"][name] = entry(name, made, revision=revisions.get(name, 1))
    faulty = dataclass(frozen=True)(type("FaultyData", (Faulty,), {}))
    installed.entries["dataset"]["faulty"] = entry("faulty", faulty, "dataset")
    return Resolver(installed, REGISTRY)


FOUND = resolver()


def test_a_component_knows_how_it_is_typed():
    made = FOUND.one("attack", " twice :first.steps=3,then=step ")
    assert (made.kind, made.name, made.entry.source) == ("attack", "twice", HERE)
    assert made.text == "twice:first.steps=3,then=step"
    assert FOUND.one("attack", made.text).params == made.params
    assert json.loads(made.params)["first"] == {"name": "step", "params": {"steps": 3}}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("step", "step:steps=10"),
        ("step:steps=1e1", "step"),
        ("twice", "twice:first=step,first.steps=10,then=none"),
        ("twice:then=step,first=step", "twice:then=step"),
    ],
)
def test_equal_components_have_equal_texts_and_identities(one, other):
    one, other = FOUND.one("attack", one), FOUND.one("attack", other)
    assert (one.text, one.params, one.identity) == (other.text, other.params, other.identity)


def test_sweeps_expand_in_order_and_equals_collapse():
    many = FOUND.many("attack", ("step:steps=[3/5/10/3]", "step", "step:steps=5"))
    assert [made.text for made in many] == ["step:steps=3", "step:steps=5", "step"]
    swept = FOUND.many("attack", ("twice:first.steps=[1/2],then=[step/none]",))
    assert [made.text for made in swept] == [
        "twice:first.steps=1,then=step", "twice:first.steps=1", "twice:first.steps=2,then=step", "twice:first.steps=2",
    ]  # fmt: skip


def test_identity_holds_the_revision_of_everything_inside():
    plain = resolver().one("attack", "twice:then=step").identity
    assert plain["revisions"] == [1, 1, 1]
    for revisions in ({"twice": 2}, {"step": 2}):
        raised = resolver(**revisions).one("attack", "twice:then=step").identity
        assert raised != plain
        assert raised["params"] == plain["params"]


@pytest.mark.parametrize(
    ("kind", "text", "error", "told"),
    [
        ("attack", "stepp", RequestError, "no attack is called 'stepp'. Did you mean 'step'?"),
        (
            "attack",
            "twice:first=stepp",
            RequestError,
            "twice: first: no attack is called 'stepp'. Did you mean 'step'?",
        ),
        ("attack", "twice:first=step:steps=3", ParamError, "twice: first must be the name of an attack, got 'step:st"),
        ("attack", "twice:first.steps=0", ParamError, "step: steps must be >= 1, got 0. Steps."),
        ("attack", "step:steps=13", ParamError, "step: steps must be another number, got 13. Choose one."),
        ("attack", "lost", PluginError, "a kind must be one of attack, defense, model, encoder, dataset, "),
        ("dataset", "faulty:data", DataError, "faulty: fetch it first. Run: advbench data fetch."),
        ("dataset", "faulty:bug", PluginError, "toys (advbench-toys 1.0): dataset 'faulty' must be able to tell its"),
        ("dataset", "mnist", RequestError, "dataset 'mnist' is not installed. Run: pip install advbench-data"),
        ("defense", "mnist", RequestError, "no defense is called 'mnist'. None is known."),
    ],
)
def test_what_cannot_be_resolved_is_told(kind, text, error, told):
    with pytest.raises(error) as caught:
        FOUND.one(kind, text)
    assert str(caught.value).startswith(told)
    assert caught.value.exit_code == 2
    with pytest.raises(error):
        FOUND.many(kind, (text,))


def test_everything_installed_resolves_with_its_defaults_and_prints_back():
    found = Resolver(discover(), REGISTRY)
    for kind, entries in found.installed.entries.items():
        for name in entries:
            try:
                made = found.one(kind, name)
            except DataAbsent:  # the user's own model, of which no default can exist
                continue
            assert made.text == name
            assert json.loads(made.params) == json.loads(found.one(kind, made.text).params)


def test_a_registered_spec_stays_with_its_class():
    with pytest.raises(PluginError, match=r"must serve one name"):
        replace(FOUND.find("attack", "step"), spec=entry("other", Step).spec).load()
