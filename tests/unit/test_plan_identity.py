"""cell_id: what names a cell, in every process alike, and what does not."""

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from advbench import Access, AttackFacts, AttackSpec, Modality, Norm, component
from advbench.bench.plan import make_plan
from advbench.bench.request import Request
from advbench.catalog.plugins import Entry, Installed, Source, discover
from advbench.catalog.registry import read
from advbench.catalog.resolve import Resolver

NUMERIC = frozenset({Modality.IMAGE, Modality.TABULAR})


@dataclass(frozen=True)
class Twofold:
    inner: object = component("attack", default="random-noise", help="attack inside")

    def facts(self):
        return AttackFacts(needs=Access.GRADIENTS, norms=frozenset(Norm))


def found(**revisions) -> Resolver:
    """Everything, with the revision of some components raised."""
    installed: Installed = discover(only="scd,zoo")
    spec = AttackSpec(
        name="twofold", summary="", needs=Access.GRADIENTS, modalities=NUMERIC, norms=frozenset(Norm), targeted=True
    )
    installed.entries["attack"]["twofold"] = Entry("attack", spec, Twofold, Source("toys", "toys", "1"))
    for key, revision in revisions.items():
        kind, name = key.split("__")
        entry = installed.entries[kind][name.replace("_", "-")]
        fresh = dataclass(frozen=True)(type(entry.load().__name__, (entry.load(),), {}))
        raised = replace(entry, spec=replace(entry.spec, revision=revision), target=fresh)
        installed.entries[kind][name.replace("_", "-")] = raised
    return Resolver(installed, read())


FOUND = found()
BASE = {"dataset": ("two-moons",), "attack": ("twofold",), "model": ("mlp",), "norm": Norm.L2}


def cell(resolver=FOUND, **options):
    made = make_plan(Request(**BASE | options), resolver)
    return made.cells[0]  # of the gradients that are offered, the first


def ident(resolver=FOUND, **options):
    return cell(resolver, **options).cell_id


CHANGES = {
    "dataset": {"dataset": ("breast-cancer",)},
    "its parameter": {"dataset": ("two-moons:noise=0.2",)},
    "model": {"model": ("linear",)},
    "its parameter too": {"model": ("mlp:hidden=65",)},
    "defense": {"defense": ("scd",), "twin": False},
    "attack": {"attack": ("zoo",)},
    "a parameter inside the attack": {"attack": ("twofold:inner.draws=7",)},
    "the attack inside": {"attack": ("twofold:inner=none",)},
    "norm": {"norm": Norm.LINF},
    "eps": {"eps": 0.29},
    "no eps": {"eps": "none"},
    "queries": {"max_queries": 9_999},
    "no limit on queries": {"max_queries": "none"},
    "gradients": {"max_gradients": 1_999},
    "prepare": {"max_prepare_queries": 9_999},
    "a preset's budget": {"preset": "quick"},
    "gradient": {"gradient": ("surrogate",)},
    "goal": {"targeted": True},
    "targets": {"targeted": True, "targets": "next"},
    "a target": {"targeted": True, "targets": "1"},
    "ceiling": {"access": Access.SCORES},
    "refine": {"refine": True},
    "seed": {"seed": (1,)},
    "choice at random": {"select": "random"},
    "choice at random with another seed": {"select": "random", "seed": (1,)},
    "choice by id": {"select": "ids=6/8"},
    "other ids": {"select": "ids=6"},
}


def test_every_change_of_the_request_names_another_cell():
    eval_ids = sorted(cell().data.component.instance.load("eval").ids.tolist())
    ids = {"the base": ident()}
    for name, options in CHANGES.items():
        if "ids=" in options.get("select", ""):
            wanted = eval_ids[:2] if name == "choice by id" else eval_ids[:1]
            options = {"select": "ids=" + "/".join(map(str, wanted))}
        ids[name] = ident(**options)
    assert len(set(ids.values())) == len(ids), [name for name in ids if list(ids.values()).count(ids[name]) > 1]


SAME = {
    "n": {"n": 3},
    "out": {"out": Path("elsewhere")},
    "device": {"device": "cuda"},
    "timeout": {"timeout": 3.0},
    "force": {"force": True, "fail_fast": True, "strict": True, "save_adversarials": True},
    "metrics": {"metric": ("clean-accuracy",)},
    "defaults spelled out": {
        "attack": ("twofold:inner=random-noise,inner.draws=1e3",), "model": ("mlp:hidden=64,votes=1",), "eps": 0.3,
        "dataset": ("two-moons:examples=1000,noise=.15",), "defense": ("none",), "max_queries": 10_000,
        "access": Access.GRADIENTS, "gradient": ("exact",),
    },
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_what_decides_no_row_names_the_same_cell(name):
    assert ident(**SAME[name]) == ident()


def test_a_random_choice_is_named_by_its_seed_and_not_by_its_size():
    assert ident(select="random", n=5) == ident(select="random", n=9)
    small, large = cell(select="random", n=5), cell(select="random", n=9)
    assert large.data.positions[:5] == small.data.positions
    two = make_plan(Request(**BASE, select="random", seed=(0, 1)), FOUND).cells
    assert two[0].cell_id == ident(select="random")
    assert two[1].data.positions == two[0].data.positions
    assert two[1].cell_id != ident(select="random", seed=(1,))  # trained alike, but on other examples


def test_ids_are_named_by_the_examples_they_pick():
    one, two = sorted(cell().data.component.instance.load("eval").ids.tolist())[:2]
    assert ident(select=f"ids={one}/{two}", n=1) == ident(select=f"ids={one}/{two}/{one}/")


def test_the_data_themselves_count():
    made = cell()
    other = replace(made, data=replace(made.data, facts=replace(made.data.facts, digest="another")))
    assert other.cell_id != made.cell_id


def test_what_a_person_reads_does_not_count():
    made = cell()
    opponent = replace(made.opponent, twin_of="scd")
    assert replace(made, opponent=opponent, refused=("why not",)).cell_id == made.cell_id


@pytest.mark.parametrize(
    "raised", ["dataset__two_moons", "model__mlp", "attack__twofold", "attack__random_noise", "defense__scd"]
)
def test_a_raised_revision_names_another_cell(raised):
    options = {"defense": ("scd",), "twin": False} if raised == "defense__scd" else {}
    assert ident(found(**{raised: 1_000}), **options) != ident(**options)
    assert ident(found(attack__none=2), **options) == ident(**options)


def test_a_twin_is_the_cell_that_the_plain_model_would_be():
    made = make_plan(Request(**BASE | {"attack": ("zoo",), "defense": ("scd",)}), FOUND)
    twin = made.cells[1]
    assert twin.opponent.twin_of == "scd"
    assert twin.cell_id == ident(attack=("zoo",), model=(twin.opponent.text,))


def test_a_process_with_other_hashes_names_it_alike():
    code = """
from advbench.bench.plan import make_plan
from advbench.bench.request import Request
from advbench.catalog.plugins import discover
from advbench.catalog.registry import read
from advbench.catalog.resolve import Resolver
found = Resolver(discover(only="scd,zoo"), read())
print(*(c.cell_id for c in make_plan(Request(attack=("zoo", "random-noise"), defense=("scd",)), found).cells))
"""
    here = [c.cell_id for c in make_plan(Request(attack=("zoo", "random-noise"), defense=("scd",)), FOUND).cells]
    for number in {"1", "2"} - {os.environ.get("PYTHONHASHSEED", "2")}:
        env = {"PYTHONHASHSEED": number, "PATH": ""}
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=env)
        assert done.stdout.split() == here
    assert all(len(name) == 16 and set(name) <= set("0123456789abcdef") for name in here)
