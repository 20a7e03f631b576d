"""The five compacted tables change together, in one step.

New tables are written into a folder of their own, which is renamed to `commit`: that is the
moment at which they count. Its files then move into place; a crash in between loses nothing,
because whoever reads looks into `commit` first and whoever writes next finishes the move.
A table that a compaction does not change stays as it is: cells says which version of each belongs to it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyarrow as pa

from ..contract.errors import ReportError
from .columns import COLUMNS
from .files import TEMPORARY, read_head, read_metadata, read_parquet, remove_folder, sync_folder
from .parts import Identity
from .stream import GROUP, Cursor, Sink, Stretch, read_stretches
from .tables import make_table, notes_of, schema

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


def base_stretches(
    root: Path, name: str, columns: Sequence[str] | None = None, encoded: Sequence[str] = (), rows: int = GROUP
) -> Iterator[Stretch]:
    """Read a compacted table from its beginning, nothing if nothing was compacted yet."""
    if has_tables(root):
        yield from read_stretches(table_path(root, name), name, columns, encoded, rows)


def base_cursor(
    root: Path, name: str, columns: Sequence[str] | None = None, encoded: Sequence[str] = (), rows: int = GROUP
) -> Cursor:
    """Walk over a compacted table cell by cell."""
    whole = schema(name, base_notes(root) if name == "examples" else ()).empty_table()
    empty = whole if columns is None else whole.select(list(columns))
    return Cursor(base_stretches(root, name, columns, encoded, rows), empty)


def base_notes(root: Path) -> list[str]:
    """The columns that attacks added to the compacted examples."""
    return notes_of("examples", read_head(table_path(root, "examples"))[1].names) if has_tables(root) else []


def base_identities(root: Path) -> dict[str, Identity]:
    """The identity of every compacted cell."""
    cells = base_table(root, "cells", ["cell_id", "fingerprint", "contender_digest"]).to_pydict()
    pairs = zip(cells["cell_id"], cells["fingerprint"], cells["contender_digest"], strict=True)
    return {cell_id: (fingerprint or "", digest or "") for cell_id, fingerprint, digest in pairs}


def generation(root: Path) -> int:
    """How often the report was compacted; raises ReportError if a table is damaged or gone."""
    return max(_versions(root).values(), default=0)


def _versions(root: Path) -> dict[str, int]:
    """The compaction that wrote each table, nothing if there was none."""
    if not has_tables(root):
        return {}
    metadata = {name: read_metadata(table_path(root, name)) for name in COLUMNS}
    found = {name: one.get("generation", "") for name, one in metadata.items()}
    try:  # tables from before cells said so stem from one compaction
        wanted = json.loads(metadata["cells"].get("generations", "null")) or dict.fromkeys(COLUMNS, found["cells"])
        fits = found == {name: str(wanted[name]) for name in COLUMNS}
    except (ValueError, TypeError, KeyError, RecursionError):
        fits = False
    if not fits or not all(number.isdecimal() and len(number) < 10 for number in found.values()):
        told = ", ".join(f"{name} {number or 'none'}" for name, number in found.items())
        raise ReportError(
            f"report {root}: its tables must stem from one compaction, got generations {told}. "
            "Restore all five from one copy, or run again into another folder."
        )
    return {name: int(number) for name, number in found.items()}


@contextmanager
def committed(root: Path, names: Iterable[str], notes: Sequence[str]) -> Iterator[dict[str, Sink]]:
    """Give a sink for a new version of each named table; at the end they take the place of the old ones.

    Nothing changes if the block fails. Where nothing was compacted yet, all five must be named.
    `notes`: the columns beside the declared ones of examples.
    """
    finish_commit(root)
    versions = _versions(root)
    number = max(versions.values(), default=0) + 1
    versions |= dict.fromkeys({*names, "cells"}, number)
    staging = root / f"{TEMPORARY}{_COMMIT}"
    remove_folder(staging)
    staging.mkdir()
    try:
        with ExitStack() as stack:
            sinks = {}
            for name in COLUMNS:
                if versions[name] == number:
                    said = {"generation": str(number)}
                    said |= {"generations": json.dumps(versions)} if name == "cells" else {}
                    kept = schema(name, notes if name == "examples" else ())
                    sinks[name] = stack.enter_context(Sink(staging / f"{name}.parquet", kept, said))
            yield sinks
    except Exception:
        shutil.rmtree(staging, ignore_errors=True)  # it may be why the disk is full
        raise
    sync_folder(staging)
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
