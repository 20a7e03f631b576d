"""Same seed, same rows: whatever is attacked beside them, in whichever order, and however often a run is resumed."""

import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from advbench import Access
from advbench.bench import runner
from advbench.bench.plan import make_plan
from advbench.bench.request import Request
from advbench.bench.watcher import Watcher
from advbench.builtin.attacks import RandomNoise
from advbench.catalog.plugins import discover
from advbench.catalog.registry import read
from advbench.catalog.resolve import Resolver
from advbench.records.reader import Report
from advbench.testing import StepAttack

sys.path.insert(0, str(Path(__file__).resolve().parent))
from companies import Herd, OneDie, bout, unlike

# Budgets and radii at which some rows are broken and some are not.
ZOO = {
    "scd": ({"learning_rate": 0.05, "iterations": 8}, {"max_queries": 500}),
    "mlp": ({}, {"max_queries": 600}),
    "linear": ({"iterations": 6, "searches": 2}, {"max_queries": 300}),
    "noisy": ({"h": 0.3, "learning_rate": 0.1, "iterations": 20, "searches": 3}, {"max_queries": 60}),
    "scd within eps": ({}, {"max_queries": 500, "eps": 0.6}),
    "mlp within eps": ({}, {"max_queries": 600, "eps": 1.0}),
    "linear within eps": ({}, {"max_queries": 400, "eps": 0.4}),
    "noisy within eps": ({"h": 0.3, "learning_rate": 0.1}, {"max_queries": 60, "eps": 1.0}),
}
NOISE = {
    "scd": {"max_queries": 5},
    "mlp": {"max_queries": 20},
    "linear": {"max_queries": 10},
    "noisy": {"max_queries": 8},
    "scd within eps": {"max_queries": 40, "eps": 1.0},
    "mlp within eps": {"max_queries": 40, "eps": 2.0},
    "linear within eps": {"max_queries": 40, "eps": 1.0},
    "noisy within eps": {"max_queries": 20, "eps": 1.0},
}


@pytest.fixture(autouse=True)
def _as_in_a_run():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def check(name, attack, needs, rules):
    told, rows = unlike(bout(name.split()[0]), attack, needs, rules)
    assert not told, f"{len(told)} differences, as {told[:5]}"
    verdicts = Counter(row["verdict"] for row in rows.values())
    assert verdicts["broken"] >= 3, f"too few are broken to prove anything: {verdicts}"
    assert verdicts["held"] >= 3, f"too few hold to prove anything: {verdicts}"


@pytest.mark.parametrize("name", ZOO)
def test_zoo_gives_an_example_the_same_row_in_any_company(name):
    zoo = pytest.importorskip("advbench_zoo.attack").Zoo
    parameters, rules = ZOO[name]
    check(name, zoo(**parameters), Access.SCORES, rules)


@pytest.mark.parametrize("name", NOISE)
def test_random_noise_gives_an_example_the_same_row_in_any_company(name):
    check(name, RandomNoise(draws=30), Access.LABELS, NOISE[name])


@pytest.mark.parametrize("attack", [Herd(), OneDie()], ids=repr)
def test_an_attack_whose_rows_influence_each_other_is_noticed(attack):
    told, _ = unlike(bout("mlp"), attack, Access.LABELS, {"max_queries": 5})
    assert {text.split(":")[0] for text in told} >= {"one by one", "in sevens", "shuffled, in shards of 12"}


def test_a_contender_that_looks_at_the_neighbours_is_noticed():
    told, _ = unlike(bout("neighbourly"), StepAttack(), Access.LABELS, {"max_queries": 5})
    assert any("margin" in text for text in told), "its scores differ in their last bits"
    assert not any("verdict" in text for text in told), "and only there"


PLUGIN = """
from dataclasses import dataclass
from advbench import Modality, ModelSpec, hookimpl, param
from advbench.testing import NoisyContender

class Remembering(NoisyContender):
    "A bad contender: it answers by how often this very process asked it before."
    calls = 0

    def scores(self, x, *, noise=None):
        self.calls += 1
        return super().scores(x - 0.001 * self.calls, noise=noise)

@dataclass(frozen=True)
class Noisy:
    remembers: bool = param(False, help="change with every call")

    def facts(self):
        return NoisyContender.facts

    def build(self, job):
        return None

    def fit(self, job):
        return (Remembering if self.remembers else NoisyContender)(scale=0.1, threshold=0.5)

    def restore(self, state, job):
        return self.fit(job)

@hookimpl
def advbench_register_models(register):
    register(ModelSpec(name="noisy", summary="a threshold behind noise", modalities=frozenset(Modality)), Noisy)
"""
TRAINED = Request(
    dataset=("breast-cancer",), defense=("scd:votes=8,iterations=50", "none"), model=("mlp:epochs=10",),
    attack=("zoo:iterations=10", "random-noise:draws=20"), max_queries=200, eps=0.5, n=113, twin=False,
    metric=("robust-accuracy",),
)  # fmt: skip
NOISY = Request(
    dataset=("two-moons",), model=("noisy",), attack=("zoo:h=.1,iterations=10", "random-noise:draws=10"),
    max_queries=20, eps=0.2, n=70, metric=("robust-accuracy",),
)  # fmt: skip


class Impatient(Watcher):
    """Interrupts the run as soon as a shard is finished."""

    def judged(self, cell, examples):
        raise KeyboardInterrupt


@pytest.fixture
def carry_out(tmp_path, monkeypatch):
    """Runs a request in a folder; returns how it ended and the rows of the report there."""
    monkeypatch.setenv("ADVBENCH_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "noisy_model.py").write_text(PLUGIN)
    found = Resolver(discover([tmp_path / "noisy_model.py"]), read())

    def carry_out(request, name, watcher):
        request = replace(request, out=tmp_path / name)
        tally = runner.run(make_plan(request, found), request, found.installed, watcher)
        report = Report.open(request.out)
        return tally, [repr(row) for table in ("examples", "trace") for row in report.table(table).to_pylist()]

    return carry_out


def resumed(carry_out, request, name):
    """The rows of a run that was interrupted after each of its shards, and how often it was."""
    for interruptions in range(100):
        tally, rows = carry_out(request, name, Impatient())
        if not tally.interrupted:
            return rows, interruptions
    raise AssertionError("it never ended")


@pytest.mark.parametrize(("request_", "cells"), [(TRAINED, 4), (NOISY, 2)], ids=["trained", "noisy"])
def test_a_run_interrupted_after_every_shard_gives_the_same_rows(carry_out, request_, cells):
    pytest.importorskip("advbench_scd")
    pytest.importorskip("advbench_zoo")
    tally, expected = carry_out(request_, "in one go", Watcher())
    assert tally.ok == cells
    for verdict in ("broken", "held"):
        assert sum(f"'verdict': '{verdict}'" in row for row in expected) > 3 * cells
    rows, interruptions = resumed(carry_out, request_, "bit by bit")
    assert interruptions == 2 * cells, "two shards each"
    assert rows == expected
    carry_out(replace(request_, n=30), "more and more", Watcher())
    assert carry_out(request_, "more and more", Watcher())[1] == expected, "30 first, then all"


def test_a_contender_that_remembers_is_noticed_when_resumed(carry_out):
    request = replace(NOISY, model=("noisy:remembers=true",), attack=("random-noise:draws=10",))
    _, expected = carry_out(request, "in one go", Watcher())
    rows, _ = resumed(carry_out, request, "bit by bit")
    assert rows != expected
