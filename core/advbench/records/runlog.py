"""run.json: one entry per invocation, and the mark by which a folder is known as a report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..contract.errors import ReportError
from ..supply.bounded import MIB, parse_json, read_small
from .files import too_new, write_whole
from .tables import SCHEMA_VERSION

_LONGEST = 512 * MIB  # of run.json: the cells of every run are in it


def read_runs(root: Path) -> list[dict[str, Any]]:
    """Return the entries, oldest first. Raises ReportError if the file is damaged or too new."""
    path = root / "run.json"
    try:
        runs = parse_json(read_small(path, _LONGEST))
    except (OSError, ValueError) as error:
        raise _damaged(path, str(error)) from error
    if not isinstance(runs, list) or not all(isinstance(entry, dict) for entry in runs):
        raise _damaged(path, type(runs).__name__)
    for entry in runs:
        version = entry.get("schema_version", SCHEMA_VERSION)
        if not isinstance(version, int):
            raise _damaged(path, f"schema_version {version!r}")
        if version > SCHEMA_VERSION:
            raise too_new(path, version)
    return runs


def write_runs(root: Path, runs: list[dict[str, Any]]) -> None:
    """Replace the file. Raises ReportError if an entry holds what JSON cannot."""
    try:
        text = json.dumps(runs, indent=1, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ReportError(f"run.json: an entry must hold only JSON values, got: {error}.") from error
    write_whole(root / "run.json", text.encode() + b"\n")


def stamped(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The entry with the schema version of this advbench."""
    return {"schema_version": SCHEMA_VERSION, **entry}


def _damaged(path: Path, what: str) -> ReportError:
    return ReportError(
        f"{path}: it must be a JSON list with one entry per run, got: {what}. "
        "Restore it from a copy; writing [] into it keeps the results and forgets how they were made."
    )
