"""Stored rows are scored again without running anything."""

from dataclasses import dataclass
from typing import ClassVar

import pytest

from advbench.bench.scoring import score_cell
from advbench.builtin.metrics import CleanAccuracy, MedianDistance, RobustAccuracy
from advbench.contract.params import attach
from advbench.contract.protocols import Estimate
from advbench.contract.specs import MetricSpec
from advbench.records.reader import Report
from advbench.records.tables import make_table
from advbench.records.writer import ReportWriter
from advbench.report.rescore import rescore

for metric in (CleanAccuracy, RobustAccuracy, MedianDistance):
    attach(metric, metric.spec)  # as registration does

METRICS = {"clean-accuracy": CleanAccuracy(), "robust-accuracy": RobustAccuracy()}
SAME = {"fingerprint": "f", "contender_digest": "d"}


def rows(answers):
    """Example i was answered with `answers[i]`; b: right, then broken; h: held; s: wrong from the start."""
    verdicts = {"b": "broken", "h": "held", "s": "skipped"}
    return [
        {"example_id": i, "label": 1, "clean_label": int(a != "s"), "verdict": verdicts[a], "l2": 0.5}
        for i, a in enumerate(answers)
    ]


@pytest.fixture
def report(tmp_path):
    with ReportWriter.open(tmp_path) as writer:
        for cell_id, dataset, status, answers in (
            ("one", "digits", "ok", "bhhs"), ("two", "digits", "ok", "shbb"), ("far", "mnist", "ok", "bbbb"),
            ("bad", "digits", "failed", "ssss"),
        ):  # fmt: skip
            cell = {"cell_id": cell_id, "dataset": dataset, "status": status, "norm": "l2", "eps": 1.0, **SAME}
            writer.write_cell(cell)
            writer.write_shard(cell_id, 0, **SAME, examples=rows(answers), trace=[])
        writer.write_scores("one", [{"metric": "robust-accuracy", "value": -1.0}])
        writer.compact()
    return Report.open(tmp_path)


def table(scores):
    return {(score["cell_id"], score["metric"]): (score["value"], score["n"]) for score in scores}


def test_scores_are_computed_for_cells_that_ended_well(report):
    scores, failed = rescore(report, METRICS)
    assert not failed
    assert table(scores) == {
        ("one", "clean-accuracy"): (0.75, 4), ("one", "robust-accuracy"): (0.5, 4),
        ("two", "clean-accuracy"): (0.75, 4), ("two", "robust-accuracy"): (0.25, 4),
        ("far", "clean-accuracy"): (1.0, 4), ("far", "robust-accuracy"): (0.0, 4),
    }  # fmt: skip
    assert {score["unit"] for score in scores} == {"share"}
    make_table("scores", scores)


def test_all_correct_keeps_what_every_contender_of_a_data_set_got_right(report):
    found = table(rescore(report, METRICS, eligible="all-correct")[0])
    assert found[("one", "robust-accuracy@all-correct")] == (1.0, 2)  # examples 1 and 2
    assert found[("two", "robust-accuracy@all-correct")] == (0.5, 2)
    assert found[("far", "robust-accuracy@all-correct")] == (0.0, 4)
    assert all(value == 1.0 for (_, metric), (value, _) in found.items() if metric.startswith("clean"))


def test_the_runner_scores_one_cell_from_its_rows():
    cell = {"cell_id": "c", "norm": "l2", "eps": None, "reference_eps": None}
    scores, failed = score_cell(
        cell, make_table("examples", [{"cell_id": "c", **row} for row in rows("bb")]), {"m": MedianDistance()}
    )
    assert table(scores) == {("c", "m"): (0.5, 2)}
    assert failed == []


@dataclass(frozen=True)
class Broken:
    spec: ClassVar[MetricSpec] = MetricSpec(
        name="broken", summary="", unit="", higher_is_better=True, columns=frozenset({"label"})
    )

    def __call__(self, rows):
        raise ZeroDivisionError("nothing to divide by")


@dataclass(frozen=True)
class Vague(Broken):
    def __call__(self, rows):
        return 0.5


@dataclass(frozen=True)
class Greedy(Broken):
    spec: ClassVar[MetricSpec] = MetricSpec(
        name="greedy", summary="", unit="", higher_is_better=True, columns=frozenset({"wish"})
    )

    def __call__(self, rows):
        return Estimate(0, 0, 0, 0)


@dataclass(frozen=True)
class Silent(Broken):
    """Reads what its spec does not name."""

    def __call__(self, rows):
        return Estimate(float(rows["verdict"].eq("held").mean()), 0, 1, len(rows))


@dataclass(frozen=True)
class Leaving(Broken):
    def __call__(self, rows):
        raise SystemExit(3)


@dataclass(frozen=True)
class Wordy(Broken):
    def __call__(self, rows):
        return Estimate("high", 0, 0, 4)


@dataclass(frozen=True)
class Blank(Broken):
    def __call__(self, rows):
        return Estimate(float("nan"), 0, 1, len(rows))


@dataclass(frozen=True)
class Endless(Broken):
    def __call__(self, rows):
        while True:
            pass


@dataclass(frozen=True)
class Spoiler(Broken):
    """Ruins its rows for whoever is next."""

    spec: ClassVar[MetricSpec] = MetricSpec(
        name="spoiler",
        summary="",
        unit="",
        higher_is_better=True,
        columns=frozenset({"label", "clean_label", "verdict"}),
    )

    def __call__(self, rows):
        rows["verdict"] = "broken"
        del rows["clean_label"]
        return Estimate(1, 1, 1, len(rows))


BAD = {
    "it must end without an error, got ZeroDivisionError: nothing to divide by.": Broken,
    "it must return an Estimate, got float.": Vague,
    "its columns must be stored ones, got 'wish'. Mend its spec.": Greedy,
    "it must end without an error, got KeyError: 'verdict'.": Silent,
    "it must end without an error, got SystemExit: 3.": Leaving,
    "value must be float, got 'high'.": Wordy,
    "its value must be a number, got NaN over 4 examples.": Blank,
    "it must end within 0.1 s, got no end by then. Raise --cell-timeout.": Endless,
}

for metric in (Spoiler, *BAD.values()):
    attach(metric, metric.spec)


@pytest.mark.parametrize("told", BAD)
def test_a_metric_at_fault_is_told_and_the_others_are_stored(told):
    cell = {"cell_id": "c", "norm": "l2", "eps": None, "reference_eps": None}
    examples = make_table("examples", [{"cell_id": "c", **row} for row in rows("bhhs")])
    metrics = {"spoiler": Spoiler(), "mine": BAD[told](), **METRICS}
    scores, (failed,) = score_cell(cell, examples, metrics, timeout=0.1 if BAD[told] is Endless else None)
    assert (failed.metric, failed.cell_id, failed.reason) == ("mine", "c", told)
    assert table(scores) == {
        ("c", "spoiler"): (1, 4), ("c", "clean-accuracy"): (0.75, 4), ("c", "robust-accuracy"): (0.5, 4)
    }  # fmt: skip


def test_rescoring_tells_every_cell_that_a_metric_failed_on(report):
    scores, failed = rescore(report, {"mine": Broken(), **METRICS})
    assert sorted(one.cell_id for one in failed) == ["far", "one", "two"]
    assert len(scores) == 6
