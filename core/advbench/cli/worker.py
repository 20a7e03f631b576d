"""The main program of a worker process: it takes tasks from a pipe until nobody is left at the other end."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import sys
import time
import traceback
from multiprocessing.connection import Connection
from typing import Any

_BREATH = 0.2  # seconds between two reports of progress


class _Voice:
    """Tells of progress, not too often: queries are added up, and so is training told. All else is told at once."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._asked = 0
        self._last = 0.0

    def __call__(self, what: str, *values: Any) -> None:
        if what not in ("queries", "training"):
            self._pipe.send((what, *values))
            return
        now = time.monotonic()
        if what == "queries":
            self._asked += values[0]
        if now - self._last < _BREATH:
            return
        self._last = now
        if what == "training":
            self._pipe.send((what, *values))
        else:
            self.close()

    def close(self) -> None:
        """Tell what was not told yet."""
        if self._asked:
            self._pipe.send(("queries", self._asked))
            self._asked = 0


def main(handle: int) -> None:
    """Serve the process at the other end: first comes where it imports from, then the setup, then tasks."""
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    pipe = Connection(handle)
    try:
        sys.path[:] = pipe.recv()
        from advbench import Worker

        setup = pipe.recv()
        worker = Worker.of(setup)
        while True:
            task = pipe.recv()
            voice = _Voice(pipe)
            voice("started")
            answer = worker.carry_out(task, voice)
            voice.close()
            pipe.send(("done", answer))
    except (EOFError, BrokenPipeError):
        os._exit(0)  # nobody waits for more. Now: threads that a plugin left running have no say
    except BaseException:
        with contextlib.suppress(OSError, ValueError):  # a plugin may have closed what this goes to
            traceback.print_exc()
        os._exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]))
