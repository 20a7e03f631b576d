"""One worker process: the pipe to it, how it is ended, and what it left when it died."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from multiprocessing.connection import Connection, Pipe
from typing import IO, Any, TypeAlias

from advbench import Setup, Task

News: TypeAlias = tuple["Process", int, str, tuple[Any, ...]]  # of a task's number: what, values
_LONGEST_TALE = 10_000  # bytes of what a dead worker left on its standard error
_LINGER = 5.0  # seconds between the end of its pipe and its own
# Ends the group that it is in, once nobody is left at the other end of its input. No thread of the worker could:
# code that never gives the interpreter back stops them all.
_GUARD = ["/bin/sh", "-c", "read nothing; kill -9 0"]


class Process:
    """Tasks go in one by one; what comes of them goes to `news`, at last `done` or `gone`.

    A thread sits at the pipe, for both reading and writing may take as long as the worker likes.
    """

    def __init__(self, setup: Setup, news: queue.SimpleQueue[News]) -> None:
        self.cell = -1
        self._news = news
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - until the end
        self._missed = False
        ours, theirs = Pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", _program(), str(theirs.fileno())], pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, process_group=0,
            )  # fmt: skip
        finally:
            theirs.close()
        self._guard = subprocess.Popen(
            _GUARD, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            process_group=self._process.pid,
        )  # fmt: skip
        threading.Thread(target=self._converse, args=(ours, setup), daemon=True).start()

    def give(self, task: Task) -> None:
        """If it is dead already, `news` will tell."""
        self.cell = task.cell
        self._tasks.put(task)

    def gone(self) -> bool:
        """Whether it ended without a word. Its pipe may be open all the same: a child of its own may hold it."""
        if self._process.poll() is None:
            return False
        self.kill()  # such children too; then the pipe tells, unless one has left the group
        missed, self._missed = self._missed, True
        return missed

    def tidy(self) -> None:
        """Forget what its compiled code printed: it lives."""
        self._log.seek(0)
        self._log.truncate()

    def kill(self) -> None:
        """With all that it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()  # it may have left the group

    def end(self) -> None:
        """Kill it and forget it."""
        self.kill()
        self._process.wait()
        self._guard.communicate()
        self._tasks.put(None)
        self._log.close()

    def tale(self) -> str:
        """How it ended, and what it left on its standard error."""
        try:
            code = self._process.wait(_LINGER)
            how = f"exit code {code}" if code >= 0 else f"signal {-code} ({_meaning(-code)})"
        except subprocess.TimeoutExpired:
            how = "its pipe closed, and had to be stopped"
        self.kill()
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, size - _LONGEST_TALE))
        text = self._log.read().decode(errors="replace").strip()
        return f"its worker ended with {how}{_gist(text)}\n{text}".strip()

    def _converse(self, pipe: Connection, setup: Setup) -> None:
        number = -1
        with pipe:
            try:
                task = self._tasks.get()
                pipe.send([path or os.getcwd() for path in sys.path])
                pipe.send(setup)
                while task is not None:
                    number = task.number
                    pipe.send(task)
                    what = ""
                    while what != "done":
                        what, *values = pipe.recv()
                        self._news.put((self, number, what, tuple(values)))
                    task = self._tasks.get()
            except (EOFError, OSError):
                self._news.put((self, number, "gone", ()))
            except Exception as error:  # an answer of classes that are not here, or no answer at all
                flaw = f"its answer must be readable here, got {type(error).__name__}: {error}"
                self._news.put((self, number, "gone", (flaw,)))


def _program() -> str:
    """Run by its path, and not as a module of this folder, which may hold files named as the standard library's."""
    found = importlib.util.find_spec("advbench.cli.worker")
    assert found is not None
    assert found.origin is not None
    return found.origin


def _gist(text: str) -> str:
    """The line of a dead worker's last words that says most."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    fatal = [line for line in lines if line.startswith("Fatal Python error")]
    said = (fatal or lines)[-1:]
    return f", {said[0][:300]}" if said else ""


def _meaning(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        return "unknown"
    return f"{name}: killed, perhaps for want of memory" if name == "SIGKILL" else name
