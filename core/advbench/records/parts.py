"""The files of one cell before they are compacted: a cell row, shards, scores.

A part is a file pair that appears whole: the trace first, then the examples, which name the
trace's digest and so commit both. Whatever fails a check is reported and left unused.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from ..contract.errors import ReportError
from .files import TEMPORARY, digest, parquet_bytes, read_head, read_parquet, write_whole
from .tables import notes_of

Identity: TypeAlias = tuple[str, str]  # fingerprint, contender_digest; rows of two are never mixed
_SHARD = re.compile(r"shard-(\d{5,})\.parquet")
_TRACE = ".trace.parquet"
TRAINING = "training"  # parts/training/<digest>.parquet; no cell may be called so


@dataclass(frozen=True)
class Shard:
    """The committed rows of one shard."""

    number: int
    identity: Identity
    examples: pa.Table
    trace: pa.Table


@dataclass(frozen=True)
class CellParts:
    """What lies in one cell's folder. `row`: its row of cells, None if absent or damaged."""

    cell_id: str
    row: pa.Table | None
    shards: tuple[Shard, ...]
    scores: pa.Table | None
    files: tuple[str, ...]  # names of all that were read, in the order in which they may be removed
    damaged: tuple[str, ...]


@dataclass(frozen=True)
class Outline:
    """The same without any rows but the cell's own; what cannot be read is left out."""

    row: pa.Table | None
    shards: tuple[Identity, ...]
    notes: frozenset[str]  # of the shards
    scored: bool


def identity_of(row: pa.Table) -> Identity:
    """The identity that a one-row cells table declares; empty texts where it has none."""
    return (row["fingerprint"][0].as_py() or "", row["contender_digest"][0].as_py() or "")


def write_shard(folder: Path, number: int, identity: Identity, examples: pa.Table, trace: pa.Table) -> None:
    """Write one shard's trace, then its examples, which commit it."""
    metadata = {
        "cell_id": folder.name, "shard": str(number), "fingerprint": identity[0], "contender_digest": identity[1],
    }  # fmt: skip
    traced = parquet_bytes(trace, metadata)
    write_whole(_trace_path(folder, number), traced)
    write_whole(folder / f"shard-{number:05d}.parquet", parquet_bytes(examples, {**metadata, "trace": digest(traced)}))


def read_cell_parts(folder: Path) -> CellParts:
    """Read and check everything in one cell's folder; a folder that is not there holds nothing."""
    damaged: list[str] = []
    files: list[str] = []
    shards = []
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    for path in found:
        match = _SHARD.fullmatch(path.name)
        if match is None:
            if path.name.endswith(_TRACE) and path.with_name(path.name.removesuffix(_TRACE) + ".parquet") not in found:
                files.append(path.name)  # nothing was committed, or it was removed already
            continue
        try:
            shards.append(_read_shard(path, int(match.group(1))))
            files += [path.name, _trace_path(folder, int(match.group(1))).name]
        except ReportError as error:
            damaged.append(str(error))
    tables: dict[str, pa.Table | None] = {}
    for file, name in (("scores", "scores"), ("cell", "cells")):
        path = folder / f"{file}.parquet"
        try:
            tables[name] = _read_own(path, name) if path.exists() else None
            files += [path.name] if tables[name] is not None else []
        except ReportError as error:
            damaged.append(str(error))
            tables[name] = None
    ordered = tuple(sorted(shards, key=lambda shard: shard.number))
    return CellParts(folder.name, tables["cells"], ordered, tables["scores"], tuple(files), tuple(damaged))


def read_all_parts(root: Path) -> Iterator[CellParts]:
    """Read the parts of every cell of a report, by cell_id, one cell after the other."""
    return (read_cell_parts(folder) for folder in part_folders(root) if folder.name != TRAINING)


def outline(folder: Path) -> Outline:
    """Look at what lies in one cell's folder without reading its rows."""
    shards: dict[int, Identity] = {}
    notes: set[str] = set()
    for path in sorted(folder.glob("shard-*.parquet")):
        match = _SHARD.fullmatch(path.name)
        with contextlib.suppress(ReportError):
            if match is not None:
                metadata, stored = read_head(path)
                shards[int(match.group(1))] = (metadata.get("fingerprint", ""), metadata.get("contender_digest", ""))
                notes.update(notes_of("examples", stored.names))
    row = None
    with contextlib.suppress(ReportError):
        row = _read_own(folder / "cell.parquet", "cells")
    scored = (folder / "scores.parquet").exists()
    return Outline(row, tuple(shards[number] for number in sorted(shards)), frozenset(notes), scored)


def read_training_parts(root: Path) -> tuple[list[pa.Table], list[Path], list[str]]:
    """Return the training tables waiting in a report, their files, and the damaged ones."""
    tables, files, damaged = [], [], []
    for path in sorted((root / "parts" / TRAINING).glob("*.parquet")):
        if path.name.startswith(TEMPORARY):
            continue
        try:
            tables.append(read_parquet(path, "training")[0])
            files.append(path)
        except ReportError as error:
            damaged.append(str(error))
    return tables, files, damaged


def part_folders(root: Path) -> list[Path]:
    """The folders that hold parts."""
    parts = root / "parts"
    found = sorted(parts.iterdir()) if parts.is_dir() else []
    return [path for path in found if path.is_dir() and not path.name.startswith(TEMPORARY)]


def _trace_path(folder: Path, number: int) -> Path:
    return folder / f"shard-{number:05d}{_TRACE}"


def _read_shard(path: Path, number: int) -> Shard:
    examples, metadata = read_parquet(path, "examples")
    if metadata.get("cell_id") != path.parent.name or metadata.get("shard") != str(number):
        raise ReportError(
            f"{path}: it must be shard {number} of cell {path.parent.name}, got shard {metadata.get('shard')} "
            f"of cell {metadata.get('cell_id')}. Remove it."
        )
    _check_owner(path, examples)
    traced = _trace_path(path.parent, number)
    try:
        same = digest(traced.read_bytes()) == metadata.get("trace")
    except OSError as error:
        raise ReportError(f"{traced}: it must be readable, got: {error}. The shard will be done again.") from error
    if not same:
        raise ReportError(
            f"{traced}: it must be the trace of {path.name}, got another one. The shard will be done again."
        )
    trace, _ = read_parquet(traced, "trace")
    return Shard(number, (metadata.get("fingerprint", ""), metadata.get("contender_digest", "")), examples, trace)


def _read_own(path: Path, name: str) -> pa.Table:
    table, _ = read_parquet(path, name)
    _check_owner(path, table)
    if name == "cells" and table.num_rows != 1:
        raise ReportError(f"{path}: it must hold one row, got {table.num_rows}. Remove it.")
    return table


def _check_owner(path: Path, table: pa.Table) -> None:
    if not pc.all(pc.equal(table["cell_id"], path.parent.name), min_count=0).as_py():
        raise ReportError(f"{path}: its rows must belong to cell {path.parent.name}, got another cell's. Remove it.")
