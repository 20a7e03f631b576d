"""Where the cells of a merged report come from: its runs, and the files beside the tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .files import TEMPORARY
from .reader import Report
from .runlog import read_runs
from .writer import ReportWriter

MERGED = "merged_from"  # in an entry of run.json: the folders that it went through, the first one first
_FOLDERS = ("prepared", "adversarials")


def joined_runs(out: Path, reports: Sequence[Report]) -> tuple[list[dict[str, Any]], list[list[int]]]:
    """Return the entries of `out` and all reports, each once, and for every report where its own are among them.

    Those that come from elsewhere say so.
    """
    joined = read_runs(out)
    known = {_bare(entry): i for i, entry in reversed(list(enumerate(joined)))}
    positions: list[list[int]] = []
    for report in reports:
        if report.root == out:
            positions.append(list(range(len(report.runs))))
            continue
        for entry in report.runs:
            if _bare(entry) not in known:  # else it was merged before, or on two ways
                known[_bare(entry)] = len(joined)
                joined.append({**entry, MERGED: [*entry.get(MERGED, []), str(report.root.resolve())]})
        positions.append([known[_bare(entry)] for entry in report.runs])
    return joined, positions


def take_files(writer: ReportWriter, cell_id: str, reports: Sequence[Report]) -> None:
    """Copy what lies beside the tables for one cell. `reports`: that it is taken from, the newest last."""
    if all(report.root != writer.root for report in reports):
        writer.forget_files(cell_id)  # of another identity, if any
    for report in reports:
        if report.root == writer.root:
            continue
        newest = report is reports[-1]
        for kind in _FOLDERS:
            for path in _plain_files(report.root / kind / cell_id):
                writer.take_file(Path(kind) / cell_id / path.name, path, replace=newest)
        for path in _plain_files(report.root / "tracebacks", f"{cell_id}.txt"):
            writer.take_file(Path("tracebacks") / path.name, path, replace=newest)


def _plain_files(folder: Path, name: str = "*") -> list[Path]:
    """Files and no links: a report from a stranger must not name what lies elsewhere."""
    if folder.is_symlink() or folder.parent.is_symlink():
        return []
    found = sorted(folder.glob(name))
    return [path for path in found if path.is_file() and not path.is_symlink() and not path.name.startswith(TEMPORARY)]


def _bare(entry: dict[str, Any]) -> str:
    return json.dumps({key: value for key, value in entry.items() if key != MERGED}, sort_keys=True)
