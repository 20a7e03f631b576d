"""Applying metrics to the stored rows of cells. Needs no model, no attack and no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from ..contract.errors import ReportError
from ..contract.params import spec_of
from ..contract.protocols import Estimate, Metric
from ..records.reader import Report
from ..records.tables import NOTE
from ..records.writer import ReportWriter

Metrics: TypeAlias = Mapping[str, Metric]  # the metric as typed -> the metric
_CONSTANT = {"norm": pa.string(), "eps": pa.float64(), "reference_eps": pa.float64()}


def score_cell(cell: Mapping[str, Any], rows: pa.Table, metrics: Metrics) -> list[dict[str, object]]:
    """Return the rows of `scores` for one cell.

    `cell` is its row of cells, `rows` its rows of examples. Raises ReportError naming a metric
    that reads a column which is not stored, fails, or returns no Estimate.
    """
    for name, value_type in _CONSTANT.items():
        rows = rows.append_column(name, pa.array([cell[name]] * rows.num_rows, value_type))
    frame = _frame(rows)
    return [_score(cell["cell_id"], name, metric, frame) for name, metric in metrics.items()]


def score_cells(writer: ReportWriter, cell_ids: Sequence[str], metrics: Metrics) -> None:
    """Score those cells from what the report holds of them, and store the scores."""
    if not cell_ids:
        return
    report = Report.open(writer.root)
    examples = report.examples
    for cell in report.cells.to_pylist():
        if cell["cell_id"] in cell_ids:
            rows = examples.filter(pc.equal(examples["cell_id"], cell["cell_id"]))
            writer.write_scores(cell["cell_id"], score_cell(cell, rows, metrics))


def _score(cell_id: str, name: str, metric: Metric, frame: Any) -> dict[str, object]:
    spec = spec_of(metric)
    missing = sorted(column for column in spec.columns if column not in frame and not column.startswith(NOTE))
    if missing:
        raise ReportError(f"metric {name}: its columns must be stored ones, got '{missing[0]}'. Mend its spec.")
    try:
        found = metric(frame)
    except Exception as error:
        raise ReportError(f"metric {name}: it failed on cell {cell_id}: {type(error).__name__}: {error}.") from error
    if not isinstance(found, Estimate):
        raise ReportError(f"metric {name}: it must return an Estimate, got {type(found).__name__}.")
    return {
        "cell_id": cell_id, "metric": name, "value": found.value, "low": found.low, "high": found.high, "n": found.n,
        "unit": spec.unit, "higher_is_better": spec.higher_is_better,
    }  # fmt: skip


def _frame(rows: pa.Table) -> Any:
    import pandas as pd  # slow to import, and this module's importer may only want the types

    return rows.to_pandas(types_mapper=pd.ArrowDtype)
