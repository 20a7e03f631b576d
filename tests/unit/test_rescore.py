"""Stored rows are scored again without running anything."""

from dataclasses import dataclass
from typing import ClassVar

import pytest

from advbench.bench.scoring import score_cell
from advbench.builtin.metrics import CleanAccuracy, MedianDistance, RobustAccuracy
from advbench.contract.errors import ReportError
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
    scores = rescore(report, METRICS)
    assert table(scores) == {
        ("one", "clean-accuracy"): (0.75, 4), ("one", "robust-accuracy"): (0.5, 4),
        ("two", "clean-accuracy"): (0.75, 4), ("two", "robust-accuracy"): (0.25, 4),
        ("far", "clean-accuracy"): (1.0, 4), ("far", "robust-accuracy"): (0.0, 4),
    }  # fmt: skip
    assert {score["unit"] for score in scores} == {"share"}
    make_table("scores", scores)


def test_all_correct_keeps_what_every_contender_of_a_data_set_got_right(report):
    found = table(rescore(report, METRICS, eligible="all-correct"))
    assert found[("one", "robust-accuracy@all-correct")] == (1.0, 2)  # examples 1 and 2
    assert found[("two", "robust-accuracy@all-correct")] == (0.5, 2)
    assert found[("far", "robust-accuracy@all-correct")] == (0.0, 4)
    assert all(value == 1.0 for (_, metric), (value, _) in found.items() if metric.startswith("clean"))


def test_the_runner_scores_one_cell_from_its_rows():
    cell = {"cell_id": "c", "norm": "l2", "eps": None, "reference_eps": None}
    scores = score_cell(
        cell, make_table("examples", [{"cell_id": "c", **row} for row in rows("bb")]), {"m": MedianDistance()}
    )
    assert table(scores) == {("c", "m"): (0.5, 2)}


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


for metric in (Broken, Vague, Greedy):
    attach(metric, metric.spec)


@pytest.mark.parametrize(
    ("metric", "told"),
    [
        (Broken(), "metric mine: it failed on cell .*ZeroDivisionError: nothing to divide by"),
        (Vague(), "must return an Estimate, got float"),
        (Greedy(), "must be stored ones, got 'wish'"),
    ],
)
def test_a_metric_at_fault_is_named(report, metric, told):
    with pytest.raises(ReportError, match=told):
        rescore(report, {"mine": metric})
