"""Applying metrics to the stored rows of cells. Needs no model, no attack and no torch."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import pyarrow as pa

from ..arena.limits import time_limit
from ..catalog.resolve import Component
from ..contract.errors import AdvbenchError, ReportError, told
from ..contract.fitting import misfit
from ..contract.params import spec_of
from ..contract.protocols import Estimate, Metric
from ..records.parts import part_folders
from ..records.reader import Report
from ..records.tables import NOTE
from ..records.writer import ReportWriter

Metrics: TypeAlias = Mapping[str, Metric]  # the metric as typed -> the metric
ALL_CORRECT = "@all-correct"  # what the name of a metric ends in that is over examples every contender gets right
_CELL_COLUMNS = (
    "cell_id", "dataset", "dataset_params", "norm", "eps", "reference_eps", "eligible", "seed", "status",
)  # fmt: skip
_CONSTANT = {"norm": pa.string(), "eps": pa.float64(), "reference_eps": pa.float64()}


@dataclass(frozen=True)
class Failed:
    """A metric that gave no number for a cell, and why."""

    metric: str
    cell_id: str
    reason: str


def score_cell(
    cell: Mapping[str, Any], rows: pa.Table, metrics: Metrics, timeout: float | None = None
) -> tuple[list[dict[str, object]], list[Failed]]:
    """Return the rows of `scores` for one cell, and the metrics that gave none.

    `cell` is its row of cells, `rows` its rows of examples, with at least what the metrics read; `timeout`:
    seconds for each metric. Where only some examples were eligible, the metric's name says so, as in
    `robust-accuracy@all-correct`. A metric fails if it reads a column that is not stored, or that its spec
    does not name, raises, or returns no Estimate.
    """
    for name, value_type in _CONSTANT.items():
        rows = rows.append_column(name, pa.repeat(pa.scalar(cell[name], value_type), rows.num_rows))
    frames = _Frames(rows)
    scores, failed = [], []
    for name, metric in metrics.items():
        try:
            with time_limit(timeout, "it", "Raise --cell-timeout."):
                scores.append(_score(cell["cell_id"], _name(cell, name), metric, frames))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit too, and whatever else a plugin may throw
            own = isinstance(error, AdvbenchError)
            reason = told(error) if own else f"it must end without an error, got {told(error)}."
            failed.append(Failed(name, cell["cell_id"], reason))
    return scores, failed


def score_cells(
    writer: ReportWriter, cell_ids: Sequence[str], metrics: Sequence[Component], timeout: float | None = None
) -> list[str]:
    """Score those cells from what the report holds of them, store what is not stored yet, and tell what failed.

    Cells done before belong to them: the run that did them may have been killed before it came to their scores.
    Its parts are still there then, for it folds them into the tables last.
    """
    if not cell_ids:
        return []
    report, chosen = Report.open(writer.root), set(cell_ids)
    stored: dict[str, dict[str, dict[str, object]]] = defaultdict(dict)
    for row in report.scores.to_pylist():
        if row["cell_id"] in chosen:
            stored[row["cell_id"]][row["metric"]] = row
    instances = {metric.text: metric.instance for metric in metrics}
    failed: list[Failed] = []
    in_parts = {folder.name for folder in part_folders(writer.root)}

    def wants(cell: Mapping[str, Any]) -> bool:
        known = stored[cell["cell_id"]].keys()
        return cell["cell_id"] in in_parts or not known >= {_name(cell, one) for one in instances}

    wanting = [cell for cell in scored_cells(report) if cell["cell_id"] in chosen and wants(cell)]
    for cell, rows in rows_of(report, wanting, instances):
        scores, bad = score_cell(cell, rows, instances, timeout)
        before = stored[cell["cell_id"]]
        if not all(_same(score, before.get(str(score["metric"]))) for score in scores):
            merged = before | {str(score["metric"]): score for score in scores}
            writer.write_scores(cell["cell_id"], list(merged.values()))
        failed += bad
    return tell_failed(failed, metrics)


def rows_of(
    report: Report, cells: Sequence[Mapping[str, Any]], metrics: Metrics
) -> Iterator[tuple[Mapping[str, Any], pa.Table]]:
    """What metrics read of the examples of some cells, one cell in memory at a time."""
    waiting = {cell["cell_id"]: cell for cell in cells}
    read = {"example_id"}.union(*(spec_of(metric).columns for metric in metrics.values()))
    stored = report.schema("examples")
    wanted = [column for column in stored.names if column in read]
    for cell_id, rows in report.by_cell("examples", wanted):
        if cell_id in waiting:
            yield waiting.pop(cell_id), rows
    for cell in waiting.values():  # of which no example is there
        yield cell, stored.empty_table().select(wanted)


def scored_cells(report: Report) -> list[dict[str, Any]]:
    """Of every cell what scoring needs of its row."""
    found: list[dict[str, Any]] = report.table("cells", _CELL_COLUMNS).to_pylist()
    return found


def _name(cell: Mapping[str, Any], metric: str) -> str:
    return metric + ("" if cell.get("eligible") is None else ALL_CORRECT)


def _same(score: Mapping[str, object], stored: Mapping[str, object] | None) -> bool:
    if stored is None:
        return False
    pairs = [(value, stored[name]) for name, value in score.items()]
    return all(a == b or (a != a and b != b) for a, b in pairs)  # NaN is as good as another NaN


def tell_failed(failed: Sequence[Failed], metrics: Sequence[Component]) -> list[str]:
    """One sentence for each metric that failed anywhere."""
    texts = []
    for metric in metrics:
        own = [one for one in failed if one.metric == metric.text]
        if own:
            where = f"It has no score in {len(own)} cell{'s' * (len(own) > 1)}, first in {own[0].cell_id}."
            texts.append(f"metric {metric.text} of {metric.entry.source}: {own[0].reason} {where}")
    return texts


def _score(cell_id: str, name: str, metric: Metric, frames: _Frames) -> dict[str, object]:
    spec = spec_of(metric)
    found = metric(frames.of(spec.columns))
    if not isinstance(found, Estimate):
        raise ReportError(f"it must return an Estimate, got {type(found).__name__}.")
    if flaw := misfit(found):
        raise ReportError(f"{flaw}.")
    if found.n and math.isnan(found.value):
        raise ReportError(f"its value must be a number, got NaN over {found.n} examples.")
    return {
        "cell_id": cell_id, "metric": name, "value": found.value, "low": found.low, "high": found.high, "n": found.n,
        "unit": spec.unit, "higher_is_better": spec.higher_is_better,
    }  # fmt: skip


class _Frames:
    """One cell's rows as data frames of those columns that a metric says it reads."""

    def __init__(self, rows: pa.Table) -> None:
        import pandas as pd  # slow to import, and this module's importer may only want the types

        self._whole: Any = rows.to_pandas(types_mapper=pd.ArrowDtype)
        self._parts: dict[frozenset[str], Any] = {}

    def of(self, columns: frozenset[str]) -> Any:
        """A frame of its own: what one metric does to its rows is nothing to the next."""
        if columns not in self._parts:
            missing = sorted(name for name in columns if name not in self._whole and not name.startswith(NOTE))
            if missing:
                raise ReportError(f"its columns must be stored ones, got '{missing[0]}'. Mend its spec.")
            self._parts[columns] = self._whole[[name for name in self._whole if name in columns or name in _CONSTANT]]
        return self._parts[columns].copy()
