"""What a run fetches before it begins: all that its plan asks, however deep it is held, and nothing else."""

import pytest

from advbench import Norm
from advbench.bench.plan import make_plan
from advbench.bench.request import Request
from advbench.catalog.plugins import discover
from advbench.catalog.registry import read
from advbench.catalog.resolve import Resolver
from advbench.cli.needs import fetch_absent
from advbench.contract.errors import RequestError
from advbench.supply.place import cache_folder

PLUGIN = """
from dataclasses import dataclass
from typing import Any
import torch
from advbench import *

class Needing:
    def supply(self):
        name = spec_of(self).name
        resource = Resource(name=name, license="none", home="x", layouts=(("a.txt",),), sources=(Place(FOLDER),))
        return Supply(spelling=name, key=name, resource=resource, make=lambda folder, writer: {})

@dataclass(frozen=True)
class Needy(Needing):
    def perturb(self, oracle, x, rng):
        return Perturbed(x)

@dataclass(frozen=True)
class Holder:
    held: Any = component("attack", default="needy", help="one that needs something")

@dataclass(frozen=True)
class Outer:
    held: Any = component("attack", default="holder", help="one that holds one that needs something")

@dataclass(frozen=True)
class Notes(LabelledDataset):
    def all_facts(self):
        return DatasetFacts(modality=Modality.TEXT, shape=None, classes=2, bounds=None, digest="notes",
                            sizes={"train": 4, "tune": 4, "eval": 4})

    def all_labels(self, split):
        return torch.tensor([0, 1, 0, 1])

    def read(self, split, positions):
        return positions, tuple("text" for _ in positions)

@dataclass(frozen=True)
class Reader:
    def facts(self):
        return ContenderFacts(access=Access.LABELS)

@dataclass(frozen=True)
class MeanEmbedding(Needing):
    pass

@dataclass(frozen=True)
class MiniLm(Needing):
    def facts(self):
        self.supply().open()
        return EncoderFacts(width=1, bounds=Bounds(0, 1), digest="minilm")

@hookimpl
def advbench_register_attacks(register):
    for name, made in (("needy", Needy), ("holder", Holder), ("outer", Outer)):
        register(AttackSpec(name=name, summary="s", needs=Access.LABELS, norms=frozenset({Norm.L2, Norm.WORDS}),
                            modalities=frozenset({Modality.IMAGE, Modality.TEXT})), made)

@hookimpl
def advbench_register_datasets(register):
    register(DatasetSpec(name="notes", summary="s", modality=Modality.TEXT, license="none"), Notes)

@hookimpl
def advbench_register_models(register):
    register(ModelSpec(name="reader", summary="s", modalities=frozenset({Modality.TEXT})), Reader)

@hookimpl
def advbench_register_encoders(register):
    register(EncoderSpec(name="mean-embedding", summary="s"), MeanEmbedding)
    register(EncoderSpec(name="minilm", summary="s"), MiniLm)
"""


@pytest.fixture
def fetched(tmp_path, monkeypatch):
    """What is here after fetching for a request."""
    monkeypatch.setenv("ADVBENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("ADVBENCH_DATA_DIR", raising=False)
    (tmp_path / "a.txt").write_text("")
    path = tmp_path / "needing_plugin.py"
    path.write_text(f"FOLDER = {str(tmp_path)!r}\n{PLUGIN}")
    resolver = Resolver(discover([path], only=""), read())

    def fetch(**asked):
        make_plan(Request(n=2, **asked), resolver, fetch_absent)
        folder = cache_folder() / "data"
        return {one.name for one in folder.iterdir()} if folder.exists() else set()

    return fetch


@pytest.mark.parametrize("attack", ["needy", "holder", "outer"])
def test_what_a_component_holds_is_fetched_however_deep_it_is_held(fetched, attack):
    assert fetched(attack=(attack,), model=("mlp",)) == {"needy"}


def test_texts_fetch_the_encoder_of_those_who_do_not_read_them(fetched):
    assert fetched(dataset=("notes",), model=("reader",), attack=("none",)) == set()
    assert fetched(dataset=("notes",), model=("reader", "linear"), attack=("none",)) == {"mean-embedding"}


def test_what_texts_are_compared_by_is_fetched_only_when_named(fetched):
    asked = {"dataset": ("notes",), "model": ("reader",), "attack": ("none",)}
    assert fetched(**asked) == fetched(**asked, similarity="none") == set()
    assert fetched(**asked, similarity="minilm") == {"minilm"}


def test_nothing_is_fetched_for_a_run_that_cannot_be(fetched):
    with pytest.raises(RequestError, match="neddy"):
        fetched(attack=("needy", "neddy"), model=("mlp",))
    assert not (cache_folder() / "data").exists()


def test_nothing_is_fetched_for_cells_that_are_refused(fetched):
    assert fetched(attack=("outer",), model=("mlp",), norm=Norm.LINF) == set()
    texts = {"dataset": ("notes",), "model": ("linear",), "attack": ("random-noise",)}  # which does not read them
    assert fetched(**texts) == fetched(**texts, similarity="minilm") == set()
    assert fetched(**texts | {"attack": ("random-noise", "none")}) == {"mean-embedding"}
