"""Things that need other things from outside: all are fetched, in order, and one that is missing is missing."""

import shutil

import pytest

from advbench import DataAbsent
from advbench.bench.plan import make_plan
from advbench.bench.request import Request
from advbench.catalog.plugins import discover
from advbench.catalog.registry import read
from advbench.catalog.resolve import Resolver
from advbench.cli.needs import fetch_one
from advbench.supply.resource import Place, Resource
from advbench.supply.supplies import Supply

PLUGIN = """
from dataclasses import dataclass
from advbench import Access, AttackSpec, Modality, Norm, Perturbed, Place, Resource, Supply, hookimpl, param

SPEC = AttackSpec(name="needy", summary="needs a file", needs=Access.LABELS, norms=frozenset({Norm.L2}),
                  modalities=frozenset({Modality.IMAGE}))

@hookimpl
def advbench_register_attacks(register):
    register(SPEC, f"{__name__}:Needy")

@dataclass(frozen=True)
class Needy:
    def supply(self):
        resource = Resource(name="needy", license="none", home="x", layouts=(("a.txt",),), sources=(Place(FOLDER),))
        return Supply(spelling="needy", key="needy", resource=resource, make=lambda folder, writer: {})

    def perturb(self, oracle, x, rng):
        return Perturbed(x)
"""


def supply(folder, name, *needs, log=None):
    def make(folder, writer):
        log.append(name)
        return {}

    (folder / f"{name}.txt").write_text(name)
    resource = Resource(
        name=name, license="none", home="x", layouts=((f"{name}.txt",),), sources=(Place(str(folder)),)
    )  # fmt: skip
    return Supply(spelling=name, key=name, resource=resource, make=make, needs=needs)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ADVBENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("ADVBENCH_DATA_DIR", raising=False)


def test_what_is_needed_is_made_first_and_once(tmp_path):
    log = []
    inner = supply(tmp_path, "inner", log=log)
    outer = supply(tmp_path, "outer", inner, log=log)
    outer.fetch()
    outer.fetch()
    assert log == ["inner", "outer", "outer"]
    assert outer.find() is not None


def test_it_is_absent_while_something_that_it_needs_is(tmp_path):
    inner = supply(tmp_path, "inner", log=[])
    outer = supply(tmp_path, "outer", inner, log=[])
    outer.fetch()
    shutil.rmtree(inner.folder)
    assert outer.find() is None
    with pytest.raises(DataAbsent, match="Run: advbench data fetch outer"):
        outer.open()
    outer.fetch()
    assert inner.find() is not None


def test_fetched_again_it_fetches_what_it_needs_again(tmp_path):
    log = []
    inner = supply(tmp_path, "inner", log=log)
    outer = supply(tmp_path, "outer", supply(tmp_path, "middle", inner, log=log), log=log)
    outer.fetch()
    fetch_one(outer)
    assert log == ["inner", "middle", "outer"]
    fetch_one(outer, again=True)
    assert log == ["inner", "middle", "outer"] * 2


def test_what_it_needs_is_mended_if_it_is_damaged(tmp_path):
    log = []
    inner = supply(tmp_path, "inner", log=log)
    outer = supply(tmp_path, "outer", inner, log=log)
    outer.fetch()
    (inner.folder / "header.json").write_text("{")
    assert not outer.is_whole()
    outer.fetch()
    assert log == ["inner", "outer"] * 2
    assert outer.is_whole()


def test_a_run_is_refused_before_training_if_an_attack_lacks_its_data(tmp_path):
    path = tmp_path / "needy_plugin.py"
    path.write_text(f"FOLDER = {str(tmp_path)!r}\n{PLUGIN}")
    resolver = Resolver(discover([path]), read())
    request = Request(attack=("needy",), out=tmp_path / "report")
    with pytest.raises(DataAbsent, match="needy: its data must be on this machine"):
        make_plan(request, resolver)
    (tmp_path / "a.txt").write_text("")
    resolver.one("attack", "needy").instance.supply().fetch()
    assert make_plan(request, resolver).runnable
