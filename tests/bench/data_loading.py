"""Data sets that were fetched before: how soon they are there, and what that takes of memory."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from advbench.catalog.plugins import discover
from advbench.catalog.registry import read
from advbench.catalog.resolve import Resolver

from .harness import Figure, below, figure, in_turn, step

ROOT = Path(__file__).resolve().parents[2]
SETS, REPEATS = ("mnist", "cifar10"), 5
SOON, LISTED = 0.3, 1.0  # seconds
_LOADED = """
import json, sys, time
import numpy, torch
from advbench.catalog.plugins import discover
from advbench.catalog.registry import read
from advbench.catalog.resolve import Resolver
from tests.bench.one_training import peak_mib
found, before = Resolver(discover(), read()), peak_mib()
started = time.perf_counter()
data = found.one("dataset", sys.argv[1]).instance
data.facts(), data.labels("train"), data.load("eval", range(200))
print(json.dumps({"seconds": time.perf_counter() - started, "more": peak_mib() - before}))
"""


def figures() -> Iterator[Figure]:
    """The list of all sets; facts, labels and 200 examples of those that are here."""
    with step("advbench data list, 7 times"):
        (column,) = in_turn(7, lambda: subprocess.run(
            [sys.executable, "-m", "advbench", "data", "list"], capture_output=True, check=True
        ))  # fmt: skip
    yield figure("advbench data list (s)", column, below(LISTED))
    for name in SETS:
        dataset = Resolver(discover(), read()).one("dataset", name).instance
        if not dataset.is_here():
            print(f"  ... no rows of {name}: run advbench data fetch {name}", file=sys.stderr, flush=True)
            continue
        found = [loaded_apart(name) for _ in range(REPEATS)]
        yield figure(f"{name} fetched before: facts, labels, 200 of eval (s)", [s for s, _ in found], below(SOON))
        whole = dataset.supply().open()["x"].nbytes / 2**20
        note = f"all pictures are {whole:.0f} MiB of bytes"
        yield figure(f"{name} fetched before: memory that takes (MiB)", [m for _, m in found], below(whole), note)


def loaded_apart(name: str) -> tuple[float, float]:
    """Seconds and MiB, in a new process that has imported its libraries already."""
    done = subprocess.run([sys.executable, "-c", _LOADED, name], cwd=ROOT, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout.splitlines()[-1])
    return told["seconds"], told["more"]
