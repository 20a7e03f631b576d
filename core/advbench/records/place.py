"""Whether a folder may become a report, which names may become paths, and what a disk says when it refuses."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from ..contract.errors import ReportError
from .files import TEMPORARY

LOCK = ".lock"
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=-]*")


def check_place(root: Path) -> None:
    """Raise ReportError unless `root` is absent, empty, or a report."""
    if not root.exists():
        return
    if not root.is_dir():
        raise ReportError(f"report {root}: it must be a folder, got a file. Choose another place with --out.")
    if (root / "run.json").exists():
        return
    foreign = sorted(path.name for path in root.iterdir() if path.name != LOCK and not path.name.startswith(TEMPORARY))
    if foreign:
        raise ReportError(
            f"report {root}: it must be an empty folder or a report (with run.json), got one holding '{foreign[0]}'. "
            "Choose another folder with --out."
        )


def safe_name(what: str, name: str) -> str:
    """Return a name that may become a file name; raise ReportError if it could leave its folder."""
    if not _SAFE.fullmatch(name):
        raise ReportError(f"{what}: it must be letters, digits and '._=-', got {name!r}.")
    return name


@contextlib.contextmanager
def disk(root: Path) -> Iterator[None]:
    """Turn what the operating system refuses into a ReportError in its own words."""
    try:
        yield
    except OSError as error:
        told = error.strerror or str(error)
        at = f" ({error.filename})" if error.filename else ""
        raise ReportError(
            f"report {root}: it must be readable and writable, got: {told}{at}. "
            "Free space, mend the permissions, or choose another folder with --out."
        ) from error
