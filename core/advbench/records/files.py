"""Files appear whole or not at all, and are refused when damaged, foreign or too new."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ..contract.errors import ReportError
from .tables import SCHEMA_VERSION, conform

TEMPORARY = ".tmp-"  # prefix of everything that a killed process may leave half done


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
    stored = {**(table.schema.metadata or {}), **{k.encode(): v.encode() for k, v in (metadata or {}).items()}}
    sink = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata(stored), sink, compression="zstd", write_page_checksum=True)
    return bytes(sink.getvalue())


def read_metadata(path: Path) -> dict[str, str]:
    """Return the file metadata of a Parquet file. Raises ReportError as `read_parquet`."""
    try:
        return _version_checked(path, pq.read_schema(path).metadata)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error


def read_parquet(path: Path, name: str, columns: Sequence[str] | None = None) -> tuple[pa.Table, dict[str, str]]:
    """Return one stored table (or some of its columns) and its file metadata, checksums verified.

    Raises ReportError if the file is absent, truncated, corrupt, not of the declared schema, or
    written by a newer advbench.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            metadata = _version_checked(path, file.schema_arrow.metadata)
            table = file.read(columns=list(columns) if columns is not None else None)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error
    try:
        return conform(name, table, columns), metadata
    except ReportError as error:
        raise ReportError(f"{path}: {error} Restore the file from a copy, or run again into another folder.") from None


def _version_checked(path: Path, raw: Mapping[bytes, bytes] | None) -> dict[str, str]:
    metadata = {key.decode(): value.decode() for key, value in (raw or {}).items()}
    version = metadata.get("schema_version", "")
    if not version.isdecimal():
        raise ReportError(f"{path}: it must be a table written by advbench, got one without schema_version. Remove it.")
    if int(version) > SCHEMA_VERSION:
        raise too_new(path, version)
    return metadata


def too_new(path: Path, version: object) -> ReportError:
    """The error for a report from the future."""
    return ReportError(
        f"{path}: schema_version must be {SCHEMA_VERSION} or less, got {version}. Install a newer advbench to read it."
    )


def _unreadable(path: Path, error: Exception) -> ReportError:
    what = "no such file" if isinstance(error, FileNotFoundError) else str(error).strip().splitlines()[0]
    return ReportError(
        f"{path}: it must be a whole Parquet file, got: {what}. Restore it from a copy, or run into another folder."
    )
