"""What plugins print goes neither into results on standard output nor across a live display."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, cast

from ..contract.texts import harmless

_KEPT = 2_000  # bytes of the beginning; the rest is only counted


class Printed(io.RawIOBase):
    """Counts what is written to it and keeps the beginning."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self._kept = bytearray()

    def writable(self) -> bool:
        """It is for writing."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Take any amount, keep little."""
        view = memoryview(data).cast("B")
        self._kept += view[: _KEPT - len(self._kept)]
        self.count += len(view)
        return len(view)

    def __str__(self) -> str:
        """`1,234,567 bytes, first: ...`, fit for a terminal."""
        beginning = harmless(self._kept.decode(errors="replace").replace("\r\n", "\n").strip())
        more = "…" if self.count > len(self._kept) else ""
        return f"{self.count:,} bytes, first: {beginning}{more}" if more else f"{self.count:,} bytes: {beginning}"


@contextmanager
def printing_kept() -> Iterator[Printed]:
    """Take what is printed in the block, to standard output or error, by Python code.

    Whoever is to print meanwhile needs a stream of its own, looked up before.
    """
    taken = Printed()
    # A text file over bytes, as the real ones are: some plugins write to sys.stdout.buffer.
    stream = io.TextIOWrapper(cast(Any, taken), encoding="utf-8", errors="backslashreplace", write_through=True)
    with _streams_kept(), redirect_stdout(stream), redirect_stderr(stream):
        vars(sys).update(__stdout__=stream, __stderr__=stream)  # whoever closes these closes no file of ours
        yield taken


@contextmanager
def _streams_kept() -> Iterator[None]:
    """Put the standard streams back after the block: code that closes them would have our words go into its files."""
    objects = {"__stdout__": sys.__stdout__, "__stderr__": sys.__stderr__}
    kept = [(number, found, os.dup(number)) for number in range(3) if (found := _file(number)) is not None]
    try:
        yield
    finally:
        vars(sys).update(objects)
        for number, found, copy in kept:
            if _file(copy) != found:
                continue  # closed as well, and perhaps another file by now
            if _file(number) != found:
                os.dup2(copy, number)
            os.close(copy)


def _file(number: int) -> tuple[int, int] | None:
    """What tells the file behind a descriptor from others; None if it is closed."""
    try:
        found = os.fstat(number)
    except OSError:
        return None
    return found.st_dev, found.st_ino
