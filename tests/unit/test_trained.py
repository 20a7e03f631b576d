"""A contender is trained once, and comes back from the cache as it was."""

import hashlib
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from advbench import AdvbenchError, DefenseSpec, Modality, ModelSpec, PluginError, State, TorchContender, param
from advbench.bench.cache import ContenderCache
from advbench.bench.plan import Cell, Data, Opponent
from advbench.bench.trained import obtain, state_digest
from advbench.builtin.datasets import Digits
from advbench.builtin.models import Mlp
from advbench.catalog.plugins import Entry, Source
from advbench.catalog.resolve import Component
from advbench.contract.params import attach
from advbench.testing import AbstainingContender, NoisyContender, RoundingDefense, SurrogateContender, TreeModel

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
            job.note("\x1b[31mlarge\nsteps")
            return super().fit(job)

    Counted.__module__ = cls.__module__
    return Counted


Network, Tree = counted(Mlp), counted(TreeModel)


@dataclass(frozen=True)
class Rounding(RoundingDefense):
    """The toy, under a name of its own."""


@dataclass(frozen=True)
class Forgetful:
    """Trains a toy with one number that counts, and comes back with another, or not at all."""

    what: str = param("nothing", help="what its state leaves out")

    def facts(self):
        return self._contender(0.0, "").facts

    def fit(self, job):
        return self._contender(0.25, "trained")

    def restore(self, state, job):
        if self.what == "a name":
            return state.arrays["threshold"]
        return self._contender(0.25 if self.what == "nothing" else -0.25, "restored")

    def _contender(self, number, origin):
        made = {
            "scores": lambda: AbstainingContender(threshold=0.5 + number),
            "labels": lambda: AbstainingContender(limit=number, threshold=0.5),
            "noise": lambda: NoisyContender(scale=number, threshold=0.5),
            "gradients": lambda: Sloping(number),
        }.get(self.what, lambda: AbstainingContender(threshold=number))()
        made.origin = origin
        made.state = lambda: State({}, {"tuple": (1, 2)} if self.what == "a tuple" else {})
        return made


class Sloping(SurrogateContender):
    def __init__(self, slope):
        super().__init__(0.5)
        self.slope = slope

    def _smooth(self, x, gradient, noise):
        return self.slope * super()._smooth(x, gradient, noise)


for own in (Rounding, Forgetful):
    own.__module__ = RoundingDefense.__module__
SPECS = {
    Forgetful: ModelSpec(name="forgetful", summary="-", modalities=KINDS),
    Network: ModelSpec(name="network", summary="-", modalities=KINDS),
    Tree: ModelSpec(name="tree", summary="-", modalities=KINDS),
    Rounding: DefenseSpec(name="rounding", summary="-", modalities=KINDS, base="trained"),
}
for cls, spec in SPECS.items():
    attach(cls, spec)


def component(instance):
    kind = "defense" if isinstance(instance, Rounding) else "model"
    entry = Entry(kind, SPECS[type(instance)], type(instance), Source("toys", "advbench-toys", "1"))
    return Component(entry, instance)


def cell(model, defense=None, seed=0):
    data = SimpleNamespace(instance=DATA, name="digits", text="digits:classes=3/8", identity={"name": "digits"})
    opponent = Opponent(component(model), component(defense) if defense else None)
    unused: Any = None
    return Cell(Data(data, DATA.facts(), ()), opponent, unused, unused, unused, seed, "first", ())


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


def test_a_restored_contender_has_no_training_split_loaded(get, monkeypatch):
    loaded, load = [], Digits.load

    def watched(self, split, positions=None):
        loaded.append((split, positions))
        return load(self, split, positions)

    monkeypatch.setattr(Digits, "load", watched)
    get(Tree(depth=3))
    assert ("train", None) in loaded
    loaded.clear()
    get(Tree(depth=3))
    assert [positions for split, positions in loaded if split == "train"] == [(0,)]


def test_the_first_contender_is_a_restored_one_too(get):
    first, again = get(Forgetful()), get(Forgetful())
    assert (first.cached, again.cached) == (False, True)
    assert first.contender.origin == again.contender.origin == "restored"


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("labels", "must answer after restore() as it did before, got other labels for "),
        ("scores", "must answer after restore() as it did before, got other scores for 128 of 128 points."),
        ("noise", "must answer after restore() as it did before, got other labels for "),
        (
            "gradients",
            "must answer after restore() as it did before, got other surrogate/tau=.5 gradients for 128 of 128",
        ),
        ("a name", "must restore what its state() gave, got KeyError: 'threshold'."),
        ("a tuple", "state() must hold JSON in its meta['tuple'], got tuple (1, 2)."),
    ],
)
def test_a_contender_that_does_not_survive_storing_is_told_at_once(get, what, told):
    get(Forgetful())
    with pytest.raises(PluginError) as caught:
        get(Forgetful(what=what))
    assert str(caught.value).startswith(f"toys (advbench-toys 1): model 'forgetful:what={what}'")
    assert told in str(caught.value)


def test_a_defense_of_a_trained_model_wraps_the_very_network_of_the_plain_cell(get):
    """Whichever of the two comes first."""
    wrapped = get(SMALL, Rounding(step=0.5))
    plain = get(SMALL)
    assert (len(fits), plain.cached) == (1, True)
    assert state_digest(wrapped.contender.inner.state()) == plain.digest
    other = get(SMALL, Rounding(step=0.25))
    assert (len(fits), other.cached) == (1, False)
    assert other.digest != wrapped.digest
    assert get(SMALL, Rounding(step=0.5), seed=1).contender.inner.state().arrays.keys()
    assert len(fits) == 2
    assert wrapped.log == plain.log


def test_what_was_logged_is_kept(get):
    assert [row["epoch"] for row in get(SMALL).log] == [0, 1]
    assert [row["epoch"] for row in get(SMALL).log] == [0, 1]


def test_what_a_training_notes_is_told_with_whose_it_is(tmp_path):
    told = ([], [])
    for notes in told:
        obtain(cell(SMALL), ContenderCache(tmp_path), "cpu", 1, lambda done, total: None, None, notes.append)
    assert told[0] == ["network:hidden=4,epochs=2: \\x1b[31mlarge steps"]
    assert told[1] == []  # nothing is trained, nothing noted


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
    (state,) = tmp_path.rglob("state.safetensors")
    state.write_bytes(state.read_bytes()[:-1] + b"!")
    again = get(SMALL)
    assert not again.cached
    assert again.digest == first.digest
    assert isinstance(again.contender, TorchContender)


def test_what_the_disk_refuses_stays_in_memory_where_one_process_does_all_the_work(tmp_path):
    (tmp_path / "file").write_text("no folder")
    (tmp_path / "folder").mkdir()
    good = obtain(cell(SMALL), ContenderCache(tmp_path / "folder"), "cpu", 1, lambda done, total: None)
    fits.clear()
    spare = ContenderCache(tmp_path / "file", spare=True)
    found = [obtain(cell(SMALL), spare, "cpu", 1, lambda done, total: None) for _ in range(2)]
    assert len(fits) == 1
    assert {one.digest for one in found} == {good.digest}
    assert torch.equal(found[1].contender.scores(EVAL.x), good.contender.scores(EVAL.x))
    (told,) = spare.unkept
    assert told.startswith("network:hidden=4,epochs=2 on digits:classes=3/8, seed 0: it serves this run alone")
    assert "ADVBENCH_CACHE_DIR" in told
    with pytest.raises(AdvbenchError, match="must be a folder with room to write to"):
        obtain(cell(SMALL), ContenderCache(tmp_path / "file"), "cpu", 1, lambda done, total: None)


@pytest.mark.parametrize("fault", ["header", "log", "digest", "deep"])
def test_an_entry_made_to_harm_is_trained_again_though_its_checksum_fits(get, tmp_path, fault):
    trained, _ = get(Network(epochs=1)), fits.clear()
    (notes,) = (ContenderCache(tmp_path).root).glob("[!.]*/meta.json")
    state = notes.with_name("state.safetensors")
    meta = json.loads(notes.read_text())
    if fault == "header":
        state.write_bytes((1 << 62).to_bytes(8, "little") + state.read_bytes()[8:])
    meta["sha256"] = hashlib.sha256(state.read_bytes()).hexdigest()
    meta |= {"log": {"log": ["x"]}, "digest": {"digest": 3}}.get(fault, {})
    notes.write_text("[" * 100_000 if fault == "deep" else json.dumps(meta))
    assert get(Network(epochs=1)).digest == trained.digest
    assert len(fits) == 1
