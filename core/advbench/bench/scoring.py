"""Applying metrics to the stored rows of cells. Needs no model, no attack and no torch."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from ..arena.limits import time_limit
from ..catalog.resolve import Component
from ..contract.errors import AdvbenchError, ReportError, told
from ..contract.fitting import misfit
from ..contract.params import spec_of
from ..contract.protocols import Estimate, Metric
from ..records.reader import Report
from ..records.tables import NOTE
from ..records.writer import ReportWriter

Metrics: TypeAlias = Mapping[str, Metric]  # the metric as typed -> the metric
ALL_CORRECT = "@all-correct"  # what the name of a metric ends in that is over examples every contender gets right
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

    `cell` is its row of cells, `rows` its rows of examples; `timeout`: seconds for each metric. Where
    only some examples were eligible, the metric's name says so, as in `robust-accuracy@all-correct`.
    A metric fails if it reads a column that is not stored, raises, or returns no Estimate.
    """
    for name, value_type in _CONSTANT.items():
        rows = rows.append_column(name, pa.array([cell[name]] * rows.num_rows, value_type))
    frame = _frame(rows)
    suffix = "" if cell.get("eligible") is None else ALL_CORRECT
    scores, failed = [], []
    for name, metric in metrics.items():
        try:
            with time_limit(timeout, "it", "Raise --cell-timeout."):
                scores.append(_score(cell["cell_id"], name + suffix, metric, frame))
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
    """
    if not cell_ids:
        return []
    report = Report.open(writer.root)
    examples = report.examples
    stored: dict[str, dict[str, dict[str, object]]] = defaultdict(dict)
    for row in report.scores.to_pylist():
        stored[row["cell_id"]][row["metric"]] = row
    instances = {metric.text: metric.instance for metric in metrics}
    failed: list[Failed] = []
    for cell in report.cells.to_pylist():
        if cell["cell_id"] in cell_ids:
            rows = examples.filter(pc.equal(examples["cell_id"], cell["cell_id"]))
            scores, bad = score_cell(cell, rows, instances, timeout)
            before = stored[cell["cell_id"]]
            if not all(_same(score, before.get(str(score["metric"]))) for score in scores):
                merged = before | {str(score["metric"]): score for score in scores}
                writer.write_scores(cell["cell_id"], list(merged.values()))
            failed += bad
    return tell_failed(failed, metrics)


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


def _score(cell_id: str, name: str, metric: Metric, frame: Any) -> dict[str, object]:
    spec = spec_of(metric)
    missing = sorted(column for column in spec.columns if column not in frame and not column.startswith(NOTE))
    if missing:
        raise ReportError(f"its columns must be stored ones, got '{missing[0]}'. Mend its spec.")
    found = metric(frame.copy())  # what one metric does to its rows is nothing to the next
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


def _frame(rows: pa.Table) -> Any:
    import pandas as pd  # slow to import, and this module's importer may only want the types

    return rows.to_pandas(types_mapper=pd.ArrowDtype)
