"""Several reports as one: every cell once, its examples from wherever they were judged."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from ..contract.errors import ReportError
from . import compaction, folding
from .columns import COLUMNS
from .lock import unwritten
from .merge import INTERRUPTED, newest
from .place import LOCK
from .provenance import joined_runs, take_files
from .reader import Report
from .stream import GROUP, Sink
from .writer import ReportWriter

_CELL_COLUMNS = ("cell_id", "fingerprint", "contender_digest", "status", "code", "finished_at")


@dataclass
class United:
    """What became of a merge. `told`: what is worth a line."""

    cells: int = 0
    rows: int = 0
    unscored: int = 0  # cells whose examples come from several reports, so that no report's scores fit
    told: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Choice:
    """Which reports, by position, a cell is taken from, the newest last, and which are left out."""

    taken: tuple[int, ...]
    left: tuple[int, ...]


def unite(sources: Sequence[Path], out: Path, progress: Callable[[int, int], None] = lambda done, of: None) -> United:
    """Merge reports into `out`, a new folder or a report that grows. `progress`: cells done, of so many.

    Parts of runs that were killed count. Of a cell in several reports, made by the same code and
    contender, the examples are united; otherwise the newest is kept whole. The sources stay as they
    are. Raises ReportError if one is no report, damaged, being written, or too new, before anything
    is changed; and as ReportWriter does. Merging again after any failure ends with the same report.
    """
    _distinct(sources, out)
    with ExitStack() as stack:
        for source in sources:
            stack.enter_context(unwritten(source / LOCK, source))
        opened = [_sound(source) for source in sources]
        with ReportWriter.open(out) as writer:
            if (out / "parts").exists():
                writer.compact()
            reports = [*([Report.open(out)] if compaction.has_tables(out) else []), *opened]
            result = United(told=list(writer.damaged))
            choices = _choose(reports, result)
            runs, positions = joined_runs(writer.root, reports)
            writer.replace_runs(runs)
            for cell_id, choice in choices.items():
                take_files(writer, cell_id, [reports[i] for i in choice.taken])
            notes = sorted({note for report in reports for note in report.notes})
            with compaction.committed(out, COLUMNS, notes) as sinks:
                _write(reports, choices, positions, sinks, result, progress)
    return result


def _distinct(sources: Sequence[Path], out: Path) -> None:
    places = [source.resolve() for source in sources]
    for place in places:
        if place == out.resolve():
            raise ReportError(f"merge: --out must be none of the reports, got {out}. A report that is there grows.")
        if places.count(place) > 1:
            raise ReportError(f"merge: each report must be named once, got {place} twice.")


def _sound(source: Path) -> Report:
    """A report nothing of which would be left out."""
    report = Report.open(source)
    if report.damaged:
        more = f" ({len(report.damaged)} in all)" if len(report.damaged) > 1 else ""
        raise ReportError(
            f"report {source}: its parts must be whole, got{more}: {report.damaged[0]} "
            "Run it again there, which does them again; or remove them, and their examples with them."
        )
    return report


def _choose(reports: Sequence[Report], result: United) -> dict[str, Choice]:
    """For every cell, in order, whose rows are taken."""
    found: dict[str, list[tuple[tuple[bool, float, int], tuple[str, str]]]] = defaultdict(list)
    for position, report in enumerate(reports):
        table = report.table("cells", _CELL_COLUMNS)
        moments = table["finished_at"].cast(pa.int64()).to_pylist()
        rows = table.drop_columns(["finished_at"]).to_pylist()
        for row, moment in zip(rows, moments, strict=True):
            ended = row["code"] != INTERRUPTED  # what a run left unfinished replaces nothing that was finished
            rank = (ended, -math.inf if moment is None else moment, position)
            found[row["cell_id"]].append((rank, (row["fingerprint"] or "", row["contender_digest"] or "")))
    choices, lost = {}, Counter[tuple[int, int]]()
    for cell_id in sorted(found):
        ranked = sorted(found[cell_id])
        own = ranked[-1][1]
        taken = tuple(rank[2] for rank, identity in ranked if identity == own)
        left = tuple(rank[2] for rank, identity in ranked if identity != own)
        choices[cell_id] = Choice(taken, left)
        lost.update((taken[-1], other) for other in left)
    for (kept, other), count in sorted(lost.items()):
        result.told.append(
            f"{count} cell{'s' * (count > 1)} of {reports[other].root} {'were' if count > 1 else 'was'} made by other "
            f"code or another contender than in {reports[kept].root}, where it ended later: the later is kept whole."
        )
    return choices


def _write(
    reports: Sequence[Report], choices: Mapping[str, Choice], positions: Sequence[Sequence[int]],
    sinks: Mapping[str, Sink], result: United, progress: Callable[[int, int], None],
) -> None:  # fmt: skip
    at_once = max(1024, GROUP // len(reports))
    feeds = {
        name: [_Feed(report, name, at_once) for report in reports] for name in folding.BY_CELL
    }  # fmt: skip
    for done, (cell_id, choice) in enumerate(choices.items()):
        rows = {name: [feed.of(cell_id) for feed in feeds[name]] for name in feeds}
        for name, table in _of_cell(choice, rows, positions, result).items():
            sinks[name].write(table)
        progress(done + 1, len(choices))
    seen: set[str] = set()
    for report in reports:
        table = report.training
        new = [digest not in seen for digest in table["contender_digest"].to_pylist()]
        seen.update(table["contender_digest"].to_pylist())
        sinks["training"].write(table.filter(pa.array(new, pa.bool_())))
    result.cells = len(choices)


def _of_cell(
    choice: Choice, rows: Mapping[str, Sequence[pa.Table]], positions: Sequence[Sequence[int]], result: United
) -> dict[str, pa.Table]:
    """One cell's rows of every table."""
    judged = [rows["examples"][i] for i in choice.taken]
    examples = newest("examples", judged, judged) if len(judged) > 1 else judged[0]
    complete = [i for i in choice.taken if rows["examples"][i].num_rows == examples.num_rows]
    chosen = complete[-1] if complete else choice.taken[-1]
    row = rows["cells"][chosen]
    found = {
        "cells": row.set_column(1, "run", pa.array([_moved(row["run"][0].as_py(), positions[chosen])], pa.int64()))
    }
    if complete:  # whoever holds them all is taken whole, so that scores and rows belong together
        found |= {name: rows[name][chosen] for name in ("examples", "scores", "trace")}
    else:
        result.unscored += any(rows["scores"][i].num_rows for i in choice.taken)
        traces = [rows["trace"][i] for i in choice.taken]
        found |= {
            "examples": examples,
            "scores": rows["scores"][chosen].slice(0, 0),
            "trace": newest("trace", traces, judged),
        }
    result.rows += found["examples"].num_rows
    return found


def _moved(run: int | None, positions: Sequence[int]) -> int | None:
    return positions[run] if run is not None and 0 <= run < len(positions) else None


class _Feed:
    """One table of a report, cell by cell, as they are asked for in ascending order."""

    def __init__(self, report: Report, name: str, at_once: int) -> None:
        names = report.schema(name).names
        self._empty = report.schema(name).empty_table()
        self._cells: Iterator[tuple[str, pa.Table]] = report.by_cell(name, names, at_once=at_once)
        self._next = next(self._cells, None)

    def of(self, cell_id: str) -> pa.Table:
        while self._next is not None and self._next[0] < cell_id:
            self._next = next(self._cells, None)
        if self._next is None or self._next[0] != cell_id:
            return self._empty
        found, self._next = self._next[1], next(self._cells, None)
        return found.set_column(0, "cell_id", found["cell_id"].cast(pa.string()))
