"""Whole processes that should feel immediate."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .harness import Figure, below, figure, in_turn, step

LIMIT = 0.4  # seconds


def figures() -> Iterator[Figure]:
    """Help, the list of what there is, and the leaderboard of a small report."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "report"
        with step("a small report"):
            _advbench("run", "-D", "two-moons", "-m", "linear", "-a", "none", "-o", str(out))
        for words in (["--help"], ["list"], ["leaderboard", str(out)]):
            with step(f"advbench {words[0]}, 7 times"):
                (column,) = in_turn(7, lambda words=words: _advbench(*words))
            yield figure(f"advbench {words[0]} (s)", column, below(LIMIT))


def _advbench(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "advbench", *words], capture_output=True, check=True)
