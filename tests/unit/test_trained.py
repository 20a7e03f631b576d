"""A contender is trained once, and comes back from the cache as it was."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from advbench import DefenseSpec, Modality, ModelSpec, State, TorchContender
from advbench.bench.cache import ContenderCache
from advbench.bench.plan import Data, Opponent
from advbench.bench.trained import obtain, state_digest
from advbench.builtin.datasets import Digits
from advbench.builtin.models import Mlp
from advbench.catalog.resolve import Component
from advbench.contract.params import attach
from advbench.testing import RoundingDefense, TreeModel

sys.path.insert(0, str(Path(__file__).resolve().parent))
from arena_case import global_states

KINDS = frozenset({Modality.IMAGE})
DATA = Digits(classes=(3, 8))
EVAL = DATA.load("eval")
fits = []


def counted(cls):
    """A class of its own, to be registered under a name here; every training is noted."""

    @dataclass(frozen=True)
    class Counted(cls):
        def fit(self, job):
            fits.append(job)
            return super().fit(job)

    Counted.__module__ = cls.__module__
    return Counted


Network, Tree = counted(Mlp), counted(TreeModel)


@dataclass(frozen=True)
class Rounding(RoundingDefense):
    """The toy, under a name of its own."""


Rounding.__module__ = RoundingDefense.__module__
SPECS = {
    Network: ModelSpec(name="network", summary="-", modalities=KINDS),
    Tree: ModelSpec(name="tree", summary="-", modalities=KINDS),
    Rounding: DefenseSpec(name="rounding", summary="-", modalities=KINDS, base="trained"),
}
for cls, spec in SPECS.items():
    attach(cls, spec)


def component(instance):
    kind = "defense" if isinstance(instance, Rounding) else "model"
    return Component(SimpleNamespace(kind=kind, spec=SPECS[type(instance)]), instance)


def cell(model, defense=None, seed=0):
    data = SimpleNamespace(instance=DATA, text="digits:classes=3/8", identity={"name": "digits"})
    opponent = Opponent(component(model), component(defense) if defense else None)
    return SimpleNamespace(data=Data(data, DATA.facts(), ()), opponent=opponent, seed=seed)


@pytest.fixture
def get(tmp_path):
    fits.clear()

    def obtained(*about, **more):
        return obtain(cell(*about, **more), ContenderCache(tmp_path), "cpu", 1, lambda done, total: None)

    return obtained


SMALL = Network(hidden=(4,), epochs=2)


@pytest.mark.parametrize(
    "about", [(SMALL,), (Tree(depth=3),), (SMALL, Rounding(step=0.5)), (Tree(), Rounding())], ids=repr
)
def test_it_is_trained_once_and_restored_equal(get, about):
    before = global_states()
    first = get(*about)
    again = get(*about)
    assert len(fits) == 1
    assert (first.cached, again.cached) == (False, True)
    assert (again.digest, again.log) == (first.digest, first.log)
    assert torch.equal(again.contender.scores(EVAL.x), first.contender.scores(EVAL.x))
    assert state_digest(again.contender.state()) == first.digest
    assert global_states() == before


def test_what_was_logged_is_kept(get):
    assert [row["epoch"] for row in get(SMALL).log] == [0, 1]
    assert [row["epoch"] for row in get(SMALL).log] == [0, 1]


def test_seed_and_parameters_make_another_contender(get):
    others = [get(SMALL), get(SMALL, seed=1), get(replace(SMALL, epochs=3)), get(replace(SMALL, activation="tanh"))]
    assert len(fits) == 4
    assert len({one.digest for one in others}) == 4
    roots = {job.rng.seed() for job in fits}
    assert len(roots) == 4


def test_training_is_told_what_it_may_use(get):
    get(SMALL)
    (job,) = fits
    assert len(job.train) == DATA.facts().sizes["train"]
    assert len(job.tune) == DATA.facts().sizes["tune"]
    assert not set(job.train.ids.tolist()) & set(EVAL.ids.tolist())
    assert job.checkpoints is not None
    assert not job.checkpoints.exists()  # cleared once the contender is stored


def test_the_digest_is_of_everything_the_answers_depend_on():
    base = State({"a": torch.ones(2), "b": torch.zeros(2)}, {"tree": {"above": 0.5}})
    changed = [
        State({"a": torch.ones(2), "b": torch.tensor([0.0, 1e-45])}, base.meta),
        State({"a": torch.ones(2), "c": torch.zeros(2)}, base.meta),
        State({"a": torch.ones(2), "b": torch.zeros(2, dtype=torch.float64)}, base.meta),
        State({"a": torch.ones(1, 2), "b": torch.zeros(2)}, base.meta),
        State(base.arrays, {"tree": {"above": 0.5 + 1e-12}}),
        State({"a": torch.ones(2)}, base.meta),
    ]
    digests = [state_digest(state) for state in (base, *changed)]
    assert len(set(digests)) == len(digests)
    shuffled = State(dict(reversed(base.arrays.items())), base.meta)
    assert state_digest(shuffled) == digests[0]
    odd = State({"none": torch.zeros(0), "yes": torch.tensor(True), "half": torch.ones(1, dtype=torch.bfloat16)})
    assert state_digest(odd) == state_digest(State(dict(odd.arrays), {}))


def test_a_damaged_entry_is_trained_again(get, tmp_path):
    first = get(SMALL)
    (arrays,) = tmp_path.rglob("arrays.safetensors")
    arrays.write_bytes(arrays.read_bytes()[:-1] + b"!")
    again = get(SMALL)
    assert not again.cached
    assert again.digest == first.digest
    assert isinstance(again.contender, TorchContender)
