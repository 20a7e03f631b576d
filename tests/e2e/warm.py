"""The command line in processes of their own, forked from one that has imported already what every command imports.

A run starts so in a fifth of the time. `advbench.cli` is imported after the fork, for its consoles look at the
environment; everything else is as in a process started anew: its folder, environment, streams, signals and end.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

# Libraries, and core modules, which keep no state. The first optimiser of a process imports torch._dynamo.
BEFORE = [
    "torch._dynamo",
    "pandas",
    "pyarrow.pandas_compat",
    "sklearn.datasets",
    "numba",
    "typer",
    "advbench.bench.runner",
]
SECONDS = 300.0


class Started:
    """A command that was started: what subprocess.Popen offers, as far as tests use it."""

    def __init__(self, words: list[str], folder: Path, env: dict[str, str]) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(BEFORE)
        self.args = words
        self._streams = [tempfile.NamedTemporaryFile("r") for _ in range(2)]  # noqa: SIM115
        names = [stream.name for stream in self._streams]
        self._process = context.Process(target=_command, args=(words, folder, env, names))
        self._process.start()

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self.returncode

    def kill(self) -> None:
        self._process.kill()

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self._process.pid, number)

    def communicate(self, timeout: float = SECONDS) -> list[str]:
        """Wait for its end; all of its standard output and all of its errors."""
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(self.args, timeout)
        return [self._all_of(stream) for stream in self._streams]

    def _all_of(self, stream: tempfile._TemporaryFileWrapper) -> str:
        with stream:
            return stream.read()


def _command(words: list[str], folder: Path, env: dict[str, str], streams: list[str]) -> None:
    for number, name in enumerate(streams, start=1):
        os.dup2(os.open(name, os.O_WRONLY), number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    sys.path[:0] = [str(folder), *filter(None, env.get("PYTHONPATH", "").split(os.pathsep))]
    sys.argv = ["advbench", *words]
    from advbench.cli import main

    main()
