"""Files appear whole or not at all, and are refused when damaged, foreign or too new."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..contract.errors import ReportError
from .bounds import footer_limits, overclaim
from .tables import SCHEMA_VERSION, conform

TEMPORARY = ".tmp-"  # prefix of everything that a killed process may leave half done
_CHECK = "check"  # key of the digest of all other file metadata
_MANY = 10_000  # rows from which reading is shared between threads


def write_whole(path: Path, data: bytes) -> None:
    """Put `data` at `path`: temporary name in the same folder, fsync, rename, fsync of the folder."""
    temporary = path.with_name(f"{TEMPORARY}{path.name}")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the folder's own entries survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_folder(folder: Path) -> None:
    """Make a folder vanish in one step, then free its space."""
    if folder.exists():
        doomed = folder.with_name(f"{TEMPORARY}{folder.name}")
        shutil.rmtree(doomed, ignore_errors=True)  # the rename below fails loudly if this left anything
        os.replace(folder, doomed)
        sync_folder(folder.parent)
        shutil.rmtree(doomed)


def sweep(folder: Path) -> None:
    """Remove what killed writers left half done. Only for the holder of the lock."""
    for path in sorted(folder.rglob(f"{TEMPORARY}*")):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)  # it may have lain in a folder removed just now


def digest(data: bytes) -> str:
    """SHA-256, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def parquet_bytes(table: pa.Table, metadata: Mapping[str, str] | None = None) -> bytes:
    """Return the table as a Parquet file with page checksums and extra file metadata."""
    sink = pa.BufferOutputStream()
    with parquet_writer(sink, table.schema, metadata or {}) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def parquet_writer(sink: Any, schema: pa.Schema, metadata: Mapping[str, str]) -> pq.ParquetWriter:
    """The one way in which tables are written: with page checksums, and `metadata` added to the schema's.

    Parquet itself guards its pages but not what the footer says of the file, so that has a digest of its own.
    """
    stored = {key.decode(): value.decode() for key, value in (schema.metadata or {}).items()} | dict(metadata)
    guarded = schema.with_metadata(stored | {_CHECK: _guard(stored)})
    return pq.ParquetWriter(sink, guarded, compression="zstd", write_page_checksum=True)


def _guard(metadata: Mapping[str, str]) -> str:
    return digest(json.dumps({key: metadata[key] for key in metadata if key != _CHECK}, sort_keys=True).encode())[:16]


def read_metadata(path: Path) -> dict[str, str]:
    """Return the file metadata of a Parquet file. Raises ReportError as `read_parquet`."""
    return read_head(path)[0]


def read_head(path: Path) -> tuple[dict[str, str], pa.Schema]:
    """Return the file metadata and the stored schema of a Parquet file. Raises ReportError as `read_parquet`."""
    with opened(path) as (file, metadata):
        return metadata, file.schema_arrow


def read_parquet(path: Path, name: str, columns: Sequence[str] | None = None) -> tuple[pa.Table, dict[str, str]]:
    """Return one stored table (or some of its columns) and its file metadata, checksums verified.

    Raises ReportError if the file is absent, truncated, corrupt, not of the declared schema, or
    written by a newer advbench.
    """
    with opened(path) as (file, metadata):
        many = file.metadata.num_rows > _MANY  # waking threads takes longer than reading a few rows
        there = None if columns is None else [column for column in columns if column in file.schema_arrow.names]
        table = file.read(columns=there, use_threads=many)
    return fitting(path, name, table, columns), metadata


def fitting(
    path: Path, name: str, table: pa.Table, columns: Sequence[str] | None = None, encoded: Sequence[str] = ()
) -> pa.Table:
    """`conform`, telling the file."""
    try:
        return conform(name, table, columns, encoded)
    except ReportError as error:
        raise ReportError(f"{path}: {error} Restore the file from a copy, or run again into another folder.") from None


@contextlib.contextmanager
def opened(path: Path, encoded: Sequence[str] = ()) -> Iterator[tuple[pq.ParquetFile, dict[str, str]]]:
    """A Parquet file to read from, its claims within bounds, and its metadata; what goes wrong is a ReportError.

    Text columns named in `encoded` are read as dictionaries.
    """
    try:
        size = path.stat().st_size
        with pq.ParquetFile(
            path, page_checksum_verification=True, read_dictionary=list(encoded) or None, **footer_limits(size)
        ) as file:
            wrong = overclaim(file.metadata, size)
            if wrong:
                raise ValueError(f"one that claims {wrong}")
            yield file, _version_checked(path, file.schema_arrow.metadata)
    except (OSError, ValueError, MemoryError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error


def _version_checked(path: Path, raw: Mapping[bytes, bytes] | None) -> dict[str, str]:
    metadata = {key.decode(errors="replace"): value.decode(errors="replace") for key, value in (raw or {}).items()}
    version = metadata.get("schema_version", "")
    if not version.isdecimal():
        raise ReportError(f"{path}: it must be a table written by advbench, got one without schema_version. Remove it.")
    if len(version) > 9 or int(version) > SCHEMA_VERSION:
        raise too_new(path, version[:9])
    if metadata.get(_CHECK, "") not in ("", _guard(metadata)):  # older files have none
        raise ValueError("one whose footer was changed")
    return metadata


def too_new(path: Path, version: object) -> ReportError:
    """The error for a report from the future."""
    return ReportError(
        f"{path}: schema_version must be {SCHEMA_VERSION} or less, got {version}. Install a newer advbench to read it."
    )


def _unreadable(path: Path, error: Exception) -> ReportError:
    told = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")  # MemoryError is silent
    what = "no such file" if isinstance(error, FileNotFoundError) else told
    return ReportError(
        f"{path}: it must be a whole Parquet file, got: {what}. Restore it from a copy, or run into another folder."
    )
