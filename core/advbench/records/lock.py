"""At most one process writes to a report. The lock dies with its process, however that ends."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import weakref
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from ..contract.errors import ReportError


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


def _closer(held: weakref.ref[FolderLock]) -> Callable[[], None]:
    def close() -> None:
        lock = held()
        if lock is not None:
            lock._close()

    return close


def _describe(note: bytes) -> str:
    try:
        found = json.loads(note)
        return f"process {found['pid']} on {found['host']} since {found['since']}"
    except (ValueError, KeyError, TypeError):  # the holder is between taking the lock and signing it
        return "a process that has not signed yet"
