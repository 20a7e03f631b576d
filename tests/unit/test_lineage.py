"""Contenders of one lineage share draws and a folder, whatever else differs; others share neither."""

from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import torch

from advbench import Access, ContenderFacts, Modality, ModelSpec, PluginError, State, param
from advbench.bench.cache import ContenderCache
from advbench.bench.plan import Cell, Data, Opponent
from advbench.bench.trained import obtain
from advbench.builtin.datasets import Digits
from advbench.catalog.plugins import Entry, Source
from advbench.catalog.resolve import Component
from advbench.contract.params import attach

DATA = Digits(classes=(3, 8))
jobs = []


class Constant:
    facts = ContenderFacts(access=Access.LABELS)

    def labels(self, x, *, noise=None):
        return torch.zeros(len(x), dtype=torch.int64)

    def state(self):
        return State({})


@dataclass(frozen=True)
class Alone:
    """Notes its job."""

    members: int = param(1, help="how many")
    width: int = param(1, help="how each is trained")

    def facts(self):
        return Constant.facts

    def fit(self, job):
        jobs.append(job)
        (job.checkpoints / f"{self.members}").touch()
        return Constant()

    def restore(self, state, job):
        return Constant()


@dataclass(frozen=True)
class Family(Alone):
    """Shares what its width decides."""

    def lineage(self):
        return None if self.width == 13 else f"width={self.width}"


for cls in (Alone, Family):
    attach(cls, ModelSpec(name=cls.__name__.lower(), summary="-", modalities=frozenset({Modality.IMAGE})))


def fit(folder, model, seed=0):
    entry = Entry("model", type(model).__advbench_spec__, type(model), Source("toys", "advbench-toys", "1"))
    data = SimpleNamespace(instance=DATA, name="digits", text="digits:classes=3/8", identity={"name": "digits"})
    opponent = Opponent(Component(entry, model), None)
    cell = Cell(Data(data, DATA.facts(), ()), opponent, None, None, None, seed, "first", ())
    obtain(cell, ContenderCache(folder), "cpu", 1, lambda done, total: None)
    return jobs[-1]


def test_one_lineage_shares_draws_and_a_folder_that_stays(tmp_path):
    one, other = fit(tmp_path, Family(members=1)), fit(tmp_path, Family(members=2))
    assert one.rng.seed() == other.rng.seed()
    assert one.checkpoints == other.checkpoints
    assert sorted(place.name for place in one.checkpoints.iterdir()) == ["1", "2"]
    for stranger in (fit(tmp_path, Family(width=2)), fit(tmp_path, Family(), seed=1)):
        assert stranger.rng.seed() != one.rng.seed()
        assert stranger.checkpoints != one.checkpoints
    assert any(entry.about == "shared by trainings" for entry in ContenderCache(tmp_path).entries())


def test_without_a_lineage_nothing_is_shared_and_nothing_stays(tmp_path):
    one, other = fit(tmp_path, Alone(members=1)), fit(tmp_path, Alone(members=2))
    assert one.rng.seed() != other.rng.seed()
    assert one.checkpoints != other.checkpoints
    assert not one.checkpoints.exists()


def test_a_lineage_that_is_no_text_is_the_plugins_fault(tmp_path):
    with pytest.raises(PluginError, match="toys"):
        fit(tmp_path, Family(width=13))
