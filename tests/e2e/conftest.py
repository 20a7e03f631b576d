"""A place of its own for every run: report folder, cache, and one-file plugins written by the test."""

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from warm import Started

from advbench.records.reader import Report


class Place:
    """Runs the command line as a stranger would, in a folder of its own.

    anew: in a Python that has imported nothing yet, which takes seconds.
    """

    anew = False

    def __init__(self, root: Path, cache: Path) -> None:
        self.root = root
        self.out = root / "report"
        self.env = {**os.environ, "ADVBENCH_CACHE_DIR": str(cache), "COLUMNS": "160", "NO_COLOR": "1"}
        for name in [name for name in self.env if name.startswith("ADVBENCH_") and name != "ADVBENCH_CACHE_DIR"]:
            del self.env[name]

    def start(self, *words) -> Started | subprocess.Popen:
        words = [str(word) for word in words]
        if not self.anew:
            return Started(words, self.root, self.env)
        command, pipe = [sys.executable, "-m", "advbench", *words], subprocess.PIPE
        return subprocess.Popen(command, cwd=self.root, env=self.env, text=True, stdout=pipe, stderr=pipe)

    def call(self, *words) -> subprocess.CompletedProcess:
        process = self.start(*words)
        out, err = process.communicate(timeout=300)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def run(self, *words, code=0) -> subprocess.CompletedProcess:
        done = self.call("run", "--out", self.out, *words)
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def plugin(self, name: str, text: str) -> Path:
        path = self.root / f"{name}.py"
        path.write_text(dedent(text))
        return path

    def rows(self, table="examples", out=None):
        return Report.open(out or self.out).table(table).to_pylist()


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def place(tmp_path, shared_cache):
    return Place(tmp_path, shared_cache)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the runs of a module take place, in this process and without installed plugins."""
    root = tmp_path_factory.mktemp("bad")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("ADVBENCH_CACHE_DIR", str(root / "cache"))
        patch.setenv("ADVBENCH_PLUGINS", "")
        patch.setenv("COLUMNS", "160")
        yield root
