"""The five compacted tables change together, in one step.

New tables are written into a folder of their own, which is renamed to `commit`: that is the
moment at which they count. Its files then move into place; a crash in between loses nothing,
because whoever reads looks into `commit` first and whoever writes next finishes the move.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from ..contract.errors import ReportError
from .columns import COLUMNS
from .files import TEMPORARY, parquet_bytes, read_metadata, read_parquet, remove_folder, sync_folder, write_whole
from .parts import Identity
from .tables import make_table

_COMMIT = "commit"


def table_path(root: Path, name: str) -> Path:
    """Where the table that counts lies now, whether or not it is there."""
    committed = root / _COMMIT / f"{name}.parquet"
    return committed if committed.exists() else root / f"{name}.parquet"


def has_tables(root: Path) -> bool:
    """Whether anything was compacted yet."""
    return any(table_path(root, name).exists() for name in COLUMNS)


def base_table(root: Path, name: str, columns: Sequence[str] | None = None) -> pa.Table:
    """Return a compacted table, empty if nothing was compacted yet.

    Raises ReportError if it is damaged, or gone while others are there.
    """
    if not has_tables(root):
        empty = make_table(name, [])
        return empty if columns is None else empty.select(list(columns))
    return read_parquet(table_path(root, name), name, columns)[0]


def base_identities(root: Path) -> dict[str, Identity]:
    """The identity of every compacted cell."""
    cells = base_table(root, "cells", ["cell_id", "fingerprint", "contender_digest"]).to_pydict()
    pairs = zip(cells["cell_id"], cells["fingerprint"], cells["contender_digest"], strict=True)
    return {cell_id: (fingerprint or "", digest or "") for cell_id, fingerprint, digest in pairs}


def generation(root: Path) -> int:
    """How often the report was compacted; raises ReportError if a table is damaged or gone."""
    if not has_tables(root):
        return 0
    found = {name: read_metadata(table_path(root, name)).get("generation", "") for name in COLUMNS}
    if len(set(found.values())) > 1 or not found["cells"].isdecimal():
        told = ", ".join(f"{name} {number or 'none'}" for name, number in found.items())
        raise ReportError(
            f"report {root}: its tables must stem from one compaction, got generations {told}. "
            "Restore all five from one copy, or run again into another folder."
        )
    return int(found["cells"])


def commit(root: Path, tables: Mapping[str, pa.Table]) -> None:
    """Put new versions of all five tables in place of the old ones."""
    number = generation(root) + 1
    finish_commit(root)
    staging = root / f"{TEMPORARY}{_COMMIT}"
    remove_folder(staging)
    staging.mkdir()
    for name, table in tables.items():
        write_whole(staging / f"{name}.parquet", parquet_bytes(table, {"generation": str(number)}))
    os.replace(staging, root / _COMMIT)
    sync_folder(root)
    finish_commit(root)


def finish_commit(root: Path) -> None:
    """Move committed tables into place; does nothing when none wait. Only for the holder of the lock."""
    folder = root / _COMMIT
    if folder.is_dir():
        for name in COLUMNS:
            if (folder / f"{name}.parquet").exists():
                os.replace(folder / f"{name}.parquet", root / f"{name}.parquet")
        sync_folder(root)
        folder.rmdir()
