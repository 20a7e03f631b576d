"""Runs over only what every contender gets right: the ordinary run's rows at those examples, and nothing else."""

from dataclasses import replace

import pytest
from typer.testing import CliRunner

from advbench.bench import runner
from advbench.bench.plan import make_plan
from advbench.bench.request import Request
from advbench.bench.watcher import Watcher
from advbench.builtin.metrics import CleanAccuracy, RobustAccuracy
from advbench.catalog.plugins import discover
from advbench.catalog.registry import read
from advbench.catalog.resolve import Resolver
from advbench.cli.app import app
from advbench.contract.errors import EmptySelection
from advbench.records.reader import Report
from advbench.records.runlog import read_runs
from advbench.report.rescore import rescore

# Models that know the class from the first feature, but are wrong where a feature says so.
PLUGIN = """
from dataclasses import dataclass
import torch
from advbench import *
from advbench.testing import NoisyContender

@dataclass(frozen=True)
class Grid(LabelledDataset):
    "The first feature tells the class, the second the position in hundredths."
    def all_facts(self):
        return DatasetFacts(modality=Modality.TABULAR, shape=(2,), classes=2, bounds=Bounds(0.0, 1.0),
                            digest="grid", eps={Norm.L2: 0.3}, sizes={"train": 20, "tune": 10, "eval": 100})

    def all_labels(self, split):
        return torch.arange(self.all_facts().sizes[split]) % 2

    def read(self, split, positions):
        at = torch.as_tensor(positions, dtype=torch.int64)
        x = torch.stack([0.3 + 0.4 * (at % 2), at / 100], dim=1)
        return 1000 + at, x.float()

class Contender:
    facts = ContenderFacts(access=Access.LABELS)

    def __init__(self, every, seed):
        self.every, self.seed = every, seed

    def labels(self, x, *, noise=None):
        right = (x[:, 0] > 0.5).long()
        number = (x[:, 1] * 100).round().long()
        wrong = (number % self.every == 0) if self.every > 0 else (number % 2 == -self.every - 1)
        return torch.where(wrong, 1 - right, right)

    def state(self):
        return State({}, {"seed": self.seed})

@dataclass(frozen=True)
class Wrong:
    every: int = param(3, help="wrong at each multiple; -1: at even ones, -2: at odd ones", positional=True)
    broken: bool = param(False, help="cannot be trained")

    def facts(self):
        return Contender.facts

    def fit(self, job):
        if self.broken:
            raise ZeroDivisionError("no training today")
        print("I am training")
        return Contender(self.every, job.rng.seed())

    def restore(self, state, job):
        return Contender(self.every, state.meta["seed"])

@dataclass(frozen=True)
class Noisy:
    def facts(self):
        return NoisyContender.facts

    def fit(self, job):
        return NoisyContender(scale=0.15, threshold=0.5)

    def restore(self, state, job):
        return self.fit(job)

@hookimpl
def advbench_register_datasets(register):
    register(DatasetSpec(name="grid", summary="a grid", modality=Modality.TABULAR, license="none"), Grid)

@hookimpl
def advbench_register_models(register):
    for name, cls in (("wrong", Wrong), ("noisy", Noisy)):
        register(ModelSpec(name=name, summary="toy", modalities=frozenset({Modality.TABULAR})), cls)
"""
ORDINARY = Request(
    dataset=("grid",), model=("wrong:3", "wrong:5", "noisy"), attack=("random-noise:draws=8", "none"), n=100,
    metric=("robust-accuracy", "clean-accuracy"),
)  # fmt: skip
ELIGIBLE = replace(ORDINARY, eligible="all-correct")


class Ear(Watcher):
    def __init__(self):
        self.notes, self.trained_, self.interrupt_after = [], [], 0

    def note(self, text):
        self.notes.append(text)

    def trained(self, name, seconds, cached):
        self.trained_.append(name)

    def judged(self, cell, examples):
        self.interrupt_after -= 1
        if not self.interrupt_after:
            raise KeyboardInterrupt


@pytest.fixture
def carry_out(tmp_path, monkeypatch):
    """Runs a request in a folder of its own; returns how it ended, its report and what it told."""
    monkeypatch.setenv("ADVBENCH_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "grid_plugin.py").write_text(PLUGIN)
    found = Resolver(discover([tmp_path / "grid_plugin.py"]), read())

    def carry_out(request, name="report", interrupt_after=0):
        ear = Ear()
        ear.interrupt_after = interrupt_after
        request = replace(request, out=tmp_path / name)
        tally = runner.run(make_plan(request, found), request, found.installed, ear)
        return tally, Report.open(request.out), ear

    return carry_out


def by_cell(report):
    """{(model, its parameters, attack): {example id: its row}}, without what names the cell."""
    names = {row["cell_id"]: (row["model"], row["model_params"], row["attack"]) for row in report.cells.to_pylist()}
    found = {name: {} for name in names.values()}
    for row in report.examples.to_pylist():
        cell_id = row.pop("cell_id")
        found[names[cell_id]][row["example_id"]] = repr(row)
    return found


def test_rows_are_those_of_the_ordinary_run_at_the_eligible_examples(carry_out):
    _, ordinary, _ = carry_out(ORDINARY, "ordinary")
    tally, chosen, ear = carry_out(ELIGIBLE, "chosen")
    assert tally.ok == 6
    skipped = {row["example_id"] for row in ordinary.examples.to_pylist() if row["verdict"] == "skipped"}
    eligible = set(range(1000, 1100)) - skipped
    assert {1000, 1003, 1005} <= skipped
    assert len(eligible) > 20
    before, after = by_cell(ordinary), by_cell(chosen)
    assert before.keys() == after.keys()
    for name, rows in after.items():
        assert rows == {i: before[name][i] for i in eligible}
    verdicts = [row["verdict"] for row in chosen.examples.to_pylist()]
    assert "skipped" not in verdicts
    assert min(verdicts.count("broken"), verdicts.count("held")) > 10
    told = f"grid, seed 0: {len(eligible)} of 100 examples are eligible"
    assert f"{told}, those that every contender gets right (3 asked)." in ear.notes
    assert not {row["cell_id"] for row in chosen.cells.to_pylist()} & {
        row["cell_id"] for row in ordinary.cells.to_pylist()
    }


def test_scores_equal_those_of_rescoring_the_ordinary_run(carry_out):
    metrics = {"robust-accuracy": RobustAccuracy(), "clean-accuracy": CleanAccuracy()}
    _, ordinary, _ = carry_out(ORDINARY, "ordinary")
    _, chosen, _ = carry_out(ELIGIBLE, "chosen")

    def scores(report, rows):
        names = {row["cell_id"]: (row["model_params"], row["model"], row["attack"]) for row in report.cells.to_pylist()}
        return {(*names[row["cell_id"]], row["metric"]): (row["value"], row["n"]) for row in rows}

    wanted = scores(ordinary, rescore(ordinary, metrics, "all-correct")[0])
    assert len(wanted) == 12
    assert scores(chosen, chosen.scores.to_pylist()) == wanted
    assert {metric for *_, metric in wanted} == {"robust-accuracy@all-correct", "clean-accuracy@all-correct"}


def test_everybody_is_trained_once_and_resumed_runs_find_what_they_did(carry_out):
    tally, _, ear = carry_out(ELIGIBLE, interrupt_after=2)
    assert tally.interrupted
    assert ear.trained_ == ["wrong", "wrong:every=5", "noisy"]
    assert len([note for note in ear.notes if "I am training" in note]) == 2
    tally, report, ear = carry_out(ELIGIBLE)
    assert (tally.ok, tally.cached) == (5, 1)
    assert not [note for note in ear.notes if "I am training" in note], "all came from the cache"
    tally, report, _ = carry_out(ELIGIBLE)
    assert (tally.ok, tally.cached) == (0, 6)
    cells = [row["cell_id"] for row in report.cells.to_pylist()]
    assert all(sorted(run["cells"]) == sorted(cells) for run in read_runs(report.root))
    few, _, _ = carry_out(replace(ELIGIBLE, n=7), "few")
    assert few.ok == 6
    tally, report, _ = carry_out(replace(ELIGIBLE, n=20), "few")
    assert len(report.cells) == 6, "more examples of the same cells"
    assert {row["n"] for row in report.cells.to_pylist()} == {20}


def test_who_cannot_be_trained_fails_alone_and_has_no_say(carry_out):
    request = replace(ELIGIBLE, model=("wrong:3", "wrong:5,broken=true"), attack=("none",))
    tally, report, ear = carry_out(request)
    assert (tally.ok, tally.failed) == (1, 1)
    (note,) = [note for note in ear.notes if "no say" in note]
    assert note.startswith("wrong:every=5,broken=true has no say in which examples are eligible, for it failed: ")
    assert "no training today" in note
    assert len(report.examples) == 66, "those that the other gets right"
    assert len({row["eligible"] for row in report.cells.to_pylist()}) == 1


def test_nothing_eligible_ends_with_five_and_run_json_says_so(carry_out, tmp_path):
    with pytest.raises(EmptySelection, match="of which 0 are eligible"):
        carry_out(replace(ELIGIBLE, model=("wrong:-1", "wrong:-2")), "none")
    (run,) = read_runs(tmp_path / "none")
    assert (run["exit_code"], run["cells"]) == (5, [])


def test_the_command_line_says_how_many_and_keeps_tables_apart(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ADVBENCH_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "grid_plugin.py").write_text(PLUGIN)
    (tmp_path / "options.toml").write_text('eligible = "all-correct"\n')

    def call(*words, code=0, models=("wrong:3", "wrong:5")):
        named = [word for model in models for word in ("-m", model)]
        shared = ["--plugin", "grid_plugin.py", "-D", "grid", "-a", "random-noise:draws=4", "--out", "report"]
        done = CliRunner().invoke(app, ["run", *shared, *named, *words])
        assert done.exit_code == code, done.output
        return " ".join(done.output.split())

    told = call("--eligible", "all-correct", "--dry-run")
    assert "which examples are attacked is decided once every contender is trained" in told
    assert not (tmp_path / "report").exists()
    assert "all-correct" not in call()
    told = call("--config", "options.toml")
    assert "53 of 100 examples are eligible" in told
    assert told.count("grid · l2") == 2, "a table each"
    assert told.count("untargeted · all-correct (53 of 100)") == 1
    assert "all of 2 cells were done before" in call("--config", "options.toml", "--eligible", "clean-correct")
    told = call("--eligible", "all-correct", code=5, models=("wrong:-1", "wrong:-2"))
    assert "of which 0 are eligible" in told
    call("--eligible", "most", code=2)
    done = CliRunner().invoke(app, ["rescore", "report", "--eligible", "all-correct"])
    assert done.exit_code == 0, done.output
    metrics = [row["metric"] for row in Report.open("report").scores.to_pylist()]
    assert metrics.count("robust-accuracy@all-correct") == 4
    assert metrics.count("robust-accuracy") == 2, "the other two cells have none over all examples"
