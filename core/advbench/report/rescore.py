"""Scores from stored rows: no attack, no model, no torch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..bench.request import Eligible
from ..bench.scoring import ALL_CORRECT, Failed, Metrics, rows_of, score_cell, scored_cells
from ..records.reader import Report
from .outcomes import Ints, Outcome, load
from .worst import common


def rescore(
    report: Report, metrics: Metrics, eligible: Eligible = Eligible.CLEAN_CORRECT
) -> tuple[list[dict[str, object]], list[Failed]]:
    """Return the rows of `scores` for every cell that ended well, whatever was scored before, and what failed.

    `all-correct` keeps the examples that every contender of the same data set and seed was asked and
    got right, and adds `@all-correct` to the metric's name, so that both can stand side by side.
    """
    chosen = _all_correct(load([report])) if eligible == Eligible.ALL_CORRECT else {}
    scores: list[dict[str, object]] = []
    failed: list[Failed] = []
    for cell, rows in rows_of(report, [cell for cell in scored_cells(report) if cell["status"] == "ok"], metrics):
        if chosen:
            rows = rows.filter(pc.is_in(rows["example_id"], pa.array(chosen[_company(cell)], pa.int64())))
        found, bad = score_cell(cell, rows, metrics)
        scores += found
        failed += bad
    for score in scores if chosen else ():
        score["metric"] = f"{str(score['metric']).removesuffix(ALL_CORRECT)}{ALL_CORRECT}"
    return scores, failed


def _company(cell: Mapping[str, Any]) -> tuple[Any, ...]:
    """What cells share whose contenders all have to be right; cells run on such examples alone keep to themselves."""
    return cell["dataset"], cell["dataset_params"], cell["seed"], cell["eligible"]


def _all_correct(outcomes: list[Outcome]) -> dict[tuple[Any, ...], Ints]:
    """For each company, the examples that every finished cell of it holds and whose clean answer was right."""
    right: dict[tuple[Any, ...], list[Ints]] = defaultdict(list)
    for outcome in outcomes:
        if outcome.cell["status"] == "ok":
            right[_company(outcome.cell)].append(outcome.ids[outcome.right])
    return {company: common(ids) for company, ids in right.items()}
