"""What each cell says of each example, as plain arrays."""

from __future__ import annotations

import math
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
_COLUMNS = ("cell_id", "example_id", "label", "clean_label", "verdict", "stop_reason", "queries", *NORMS)
_CELL_COLUMNS = (
    "cell_id", "dataset", "dataset_params", "encoder", "encoder_params", "model", "model_params", "defense",
    "defense_params", "twin_of", "attack", "attack_params", "coverage", "gradient", "eot", "norm", "eps",
    "reference_eps", "max_queries", "targeted", "targets", "eligible", "seed", "n", "stochastic", "inexact",
    "oracle_choice", "status", "code", "reason", "finished_at",
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

    @property
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
    for report in reports:
        for outcome in _outcomes(report):
            ended = outcome.cell["finished_at"]
            rank = (outcome.finished, -math.inf if ended is None else ended)
            known = found.get(outcome.cell["cell_id"])
            if known is None or rank > known[0]:
                found[outcome.cell["cell_id"]] = (rank, outcome)
    return [outcome for _, outcome in found.values()]


def _outcomes(report: Report) -> list[Outcome]:
    table = report.table("cells", _CELL_COLUMNS)
    # A moment as a number: pyarrow imports pandas to make a datetime of it, and that takes longer than all the rest.
    moments = table["finished_at"].cast(pa.int64())
    cells = table.set_column(table.schema.get_field_index("finished_at"), "finished_at", moments).to_pylist()
    rows = report.table("examples", _COLUMNS)
    places = {cell["cell_id"]: i for i, cell in enumerate(cells)}
    position = _lookup(rows["cell_id"], places, -1)
    example = whole(rows["example_id"], null=-1)
    order = np.lexsort((example, position))
    position, example = position[order], example[order]
    first = np.concatenate([[True], (position[1:] != position[:-1]) | (example[1:] != example[:-1])])
    starts = np.flatnonzero(first) if len(order) else np.empty(0, np.int64)
    judged = Outcome({}, example[starts], *_fold(rows, cells, position, order, starts))
    edges = np.searchsorted(position[starts], np.arange(len(cells) + 1))
    return [judged.cut(cell, slice(edges[i], edges[i + 1])) for i, cell in enumerate(cells)]


def _fold(
    rows: pa.Table, cells: Sequence[Mapping[str, Any]], position: Ints, order: Ints, starts: Ints
) -> tuple[Bools, Bools, Bools, Bools, Floats, Floats]:
    """Fold sorted rows to one entry per example: right, broken, open, blind, distance, queries."""
    broken = (_lookup(rows["verdict"], {"broken": 1}) == 1)[order]
    stopped = _lookup(rows["stop_reason"], {"timeout": 1, "error": 1, "blind": 2})[order]
    open_, blind = (stopped == 1) & ~broken, (stopped == 2) & ~broken
    clean = real(rows["clean_label"])[order]
    right = (clean == real(rows["label"])[order]) | (np.isnan(clean) & open_)
    norms = np.array([NORMS.index(cell["norm"]) if cell["norm"] in NORMS else -1 for cell in cells] or [-1])
    distance = np.full(len(order), math.inf)
    for i, norm in enumerate(NORMS):
        chosen = broken & (norms[position] == i)
        if chosen.any():
            distance[chosen] = real(rows[norm])[order][chosen]
    queries = np.nan_to_num(real(rows["queries"])[order])
    if not len(starts):
        none = np.zeros(0, bool)
        return none, none, none, none, distance, queries
    fell = np.logical_or.reduceat(broken, starts)
    return (
        np.logical_or.reduceat(right, starts),
        fell,
        np.logical_or.reduceat(open_, starts) & ~fell,
        np.logical_and.reduceat(blind, starts),
        np.minimum.reduceat(distance, starts),
        np.add.reduceat(queries, starts),
    )


def _lookup(column: pa.ChunkedArray, numbers: Mapping[str, int], other: int = 0) -> Ints:
    """The number of each word, `other` for words without one."""
    positions, words = codes(column)
    table = np.array([numbers.get(word, other) if word is not None else other for word in words] or [other], np.int64)
    found: Ints = table[positions]
    return found
