"""What each cell says of each example, as plain arrays."""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..records.arrays import codes, real, whole
from ..records.reader import Report

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NORMS = ("l0", "l1", "l2", "linf", "words")
_COLUMNS = ("example_id", "label", "clean_label", "verdict", "stop_reason", "queries")
_WORDS = ("verdict", "stop_reason")
_CELL_COLUMNS = (
    "cell_id", "dataset", "dataset_params", "encoder", "encoder_params", "model", "model_params", "defense",
    "defense_params", "twin_of", "attack", "attack_params", "coverage", "gradient", "eot", "norm", "eps",
    "reference_eps", "max_queries", "targeted", "targets", "eligible", "seed", "n", "stochastic", "inexact",
    "oracle_choice", "status", "code", "reason", "finished_at", "run",
)  # fmt: skip


MOSTLY = 0.95  # a cell this flat is blind: the few that reacted, or even broke, did so by accident


@dataclass(frozen=True)
class Outcome:
    """One cell. Arrays have one entry per example, sorted by id; several targets are one example.

    right: clean answer correct. broken: by any target. open: ended by timeout or error, unbroken.
    blind: unbroken, and no target gave the attack a signal. distance: smallest that broke, in the
    cell's norm, else inf. queries: over all targets.
    """

    cell: Mapping[str, Any]
    ids: Ints
    right: Bools
    broken: Bools
    open: Bools
    blind: Bools
    distance: Floats
    queries: Floats

    @property
    def control(self) -> bool:
        """Whether nothing was attacked: the cell shows clean accuracy and no more."""
        return bool(self.cell["attack"] == "none" or self.cell["coverage"] == "-")

    @property
    def finished(self) -> bool:
        """Whether the cell ended well and every example that was asked for is there."""
        return bool(self.cell["status"] == "ok" and len(self.ids) >= (self.cell["n"] or 0))

    @functools.cached_property
    def all_blind(self) -> bool:
        """Whether the cell is evidence of nothing: at least 95 % of its examples gave no signal."""
        quiet = self.blind[self.right]
        return bool(len(quiet)) and bool(quiet.mean() >= MOSTLY)

    @property
    def surrogate(self) -> bool:
        """Whether the attack followed gradients that are not the contender's own."""
        return str(self.cell["gradient"] or "").startswith("surrogate")

    def at(self, ids: Ints) -> Outcome:
        """The same cell at `ids`, all of which it must have judged."""
        if ids is self.ids or np.array_equal(ids, self.ids):
            return self
        return self.cut(self.cell, np.searchsorted(self.ids, ids))

    def cut(self, cell: Mapping[str, Any], rows: slice | Ints) -> Outcome:
        """Some entries, as the outcome of `cell`."""
        return Outcome(
            cell, self.ids[rows], self.right[rows], self.broken[rows], self.open[rows], self.blind[rows],
            self.distance[rows], self.queries[rows],
        )  # fmt: skip


def load(reports: Sequence[Report]) -> list[Outcome]:
    """Return every cell of the reports; of a cell in several, the finished and newest one."""
    found: dict[str, tuple[tuple[bool, float], Outcome]] = {}
    shared: dict[bytes, Ints] = {}
    for report in reports:
        for outcome in _outcomes(report, shared):
            ended = outcome.cell["finished_at"]
            rank = (outcome.finished, -math.inf if ended is None else ended)
            known = found.get(outcome.cell["cell_id"])
            if known is None or rank > known[0]:
                found[outcome.cell["cell_id"]] = (rank, outcome)
    return [outcome for _, outcome in found.values()]


def _outcomes(report: Report, shared: dict[bytes, Ints]) -> list[Outcome]:
    """Every cell of one report. `shared`: ids of examples, held once for all cells that asked for the same ones."""
    table = report.table("cells", _CELL_COLUMNS)
    # A moment as a number: pyarrow imports pandas to make a datetime of it, and that takes longer than all the rest.
    moments = table["finished_at"].cast(pa.int64())
    cells = table.set_column(table.schema.get_field_index("finished_at"), "finished_at", moments).to_pylist()
    in_order(cells, report.runs)
    norms = sorted({cell["norm"] for cell in cells if cell["norm"] in NORMS})
    judged = {cell["cell_id"]: cell for cell in cells}
    found = {}
    for cell_id, rows in report.by_cell("examples", [*_COLUMNS, *norms], _WORDS):
        if cell_id in judged:
            found[cell_id] = _outcome(judged[cell_id], rows, shared)
    return [found.get(cell["cell_id"]) or _nothing(cell) for cell in cells]


def _nothing(cell: Mapping[str, Any]) -> Outcome:
    none, no = np.empty(0), np.empty(0, bool)
    return Outcome(cell, np.empty(0, np.int64), no, no, no, no, none, none)


def _outcome(cell: Mapping[str, Any], rows: pa.Table, shared: dict[bytes, Ints]) -> Outcome:
    """Fold one cell's rows to one entry per example."""
    ids = whole(rows["example_id"], null=-1)
    broken = _is(rows["verdict"], "broken")
    open_ = _is(rows["stop_reason"], "timeout", "error") & ~broken
    blind = _is(rows["stop_reason"], "blind") & ~broken
    clean = real(rows["clean_label"])
    right = (clean == real(rows["label"])) | (np.isnan(clean) & open_)
    distance = np.full(len(ids), math.inf)
    if cell["norm"] in NORMS and broken.any():
        distance[broken] = real(rows[cell["norm"]])[broken]
    queries = np.nan_to_num(real(rows["queries"]))
    if not (ids[1:] > ids[:-1]).all():  # several targets, or rows out of order
        order = np.argsort(ids, kind="stable")
        ids = ids[order]
        starts = np.flatnonzero(np.concatenate([[True], ids[1:] != ids[:-1]]))
        ids, fell = ids[starts], np.logical_or.reduceat(broken[order], starts)
        right, blind = np.logical_or.reduceat(right[order], starts), np.logical_and.reduceat(blind[order], starts)
        open_ = np.logical_or.reduceat(open_[order], starts) & ~fell
        distance = np.minimum.reduceat(distance[order], starts)
        queries, broken = np.add.reduceat(queries[order], starts), fell
    ids = shared.setdefault(hashlib.blake2b(ids.tobytes(), digest_size=16).digest(), ids)
    return Outcome(cell, ids, right, broken, open_, blind, distance, queries)


def in_order(cells: Sequence[dict[str, Any]], runs: Sequence[Mapping[str, Any]]) -> None:
    """Let no cell have ended before those of earlier runs in its folder, should the clock have gone back between.

    `finished_at`, a number of microseconds, is raised where that is so.
    """
    latest: dict[str, float] = defaultdict(lambda: -math.inf)
    stamped = [cell for cell in cells if cell["finished_at"] is not None and cell["run"] is not None]
    by_run = itertools.groupby(sorted(stamped, key=lambda cell: cell["run"]), key=lambda cell: cell["run"])
    for run, same in by_run:
        entry = runs[run] if 0 <= run < len(runs) else {}
        folder = json.dumps(entry.get("merged_from"))  # runs of another folder had another clock
        own = list(same)
        for cell in own:
            if cell["finished_at"] <= latest[folder]:
                cell["finished_at"] = latest[folder] + 1
        latest[folder] = max(latest[folder], *(cell["finished_at"] for cell in own))


def _is(column: pa.ChunkedArray, *words: str) -> Bools:
    """Where the column holds one of these words."""
    positions, found = codes(column)
    among: Bools = np.array([word in words for word in found] or [False])[positions]
    return among
