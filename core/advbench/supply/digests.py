"""Checksums of files, read in pieces."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ..contract.errors import DataError


def sha256_of(path: Path) -> str:
    """In hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_file(path: Path, who: str, sha256: str, size: int) -> None:
    """Raise DataError unless the file is the one that was announced."""
    got = path.stat().st_size
    if got != size:
        raise DataError(f"{who}: it must have {size:,} bytes, got {got:,}. It is incomplete or another version.")
    found = sha256_of(path)
    if found != sha256:
        raise DataError(f"{who}: sha256 must be {sha256}, got {found}. It was altered or is another version.")
