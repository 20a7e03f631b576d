"""At most one process writes to a report. The lock dies with its process, however that ends."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import weakref
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from ..contract.errors import ReportError
from ..supply.bounded import parse_json


class FolderLock:
    """An exclusive lock on a file, held from construction to `release()`.

    The file itself stays: removing it would let two processes lock two files of one name.
    """

    def __init__(self, path: Path, folder: Path) -> None:
        """Take the lock. Raises ReportError naming the holder, OSError if the file cannot be made."""
        self._fd: int | None = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _describe(os.pread(self._fd, 4096, 0))
            self._close()
            raise ReportError(
                f"report {folder}: it must be written by one process at a time, got one at work already: {holder}. "
                "Wait for it, stop it, or choose another folder with --out."
            ) from None
        note = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, json.dumps(note).encode(), 0)
        # A forked worker shares the lock through its copy of the descriptor, and would hold it
        # after its parent was killed.
        os.register_at_fork(after_in_child=_closer(weakref.ref(self)))

    def release(self) -> None:
        """Give the lock back; harmless when repeated."""
        if self._fd is not None:
            os.ftruncate(self._fd, 0)
            self._close()

    def _close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


@contextlib.contextmanager
def unwritten(path: Path, folder: Path) -> Iterator[None]:
    """Keep writers away from a report for a while, without changing it; others may read it too.

    Raises ReportError naming the writer if one is at work. No writer ever came where there is no file `path`.
    """
    if not path.exists():
        yield
        return
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ReportError(
                f"report {folder}: it must not be written while it is merged, got a run at work: "
                f"{_describe(file.read(4096))}. Wait for it or stop it; what it has finished is kept."
            ) from None
        yield


def _closer(held: weakref.ref[FolderLock]) -> Callable[[], None]:
    def close() -> None:
        lock = held()
        if lock is not None:
            lock._close()

    return close


def _describe(note: bytes) -> str:
    try:
        found = parse_json(note)
        return f"process {found['pid']} on {found['host']} since {found['since']}"
    except (ValueError, KeyError, TypeError):  # the holder is between taking the lock and signing it
        return "a process that has not signed yet"
