"""Runs in processes and on Ray against the same run in process: the share of two cores that reaches the work."""

import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from .harness import Figure, Goal, at_least, figure, step

# An attack of small steps on a small network: a shard of 64 examples takes seconds, and six seeds some minutes.
SEEDS = [word for seed in range(6) for word in ("--seed", str(seed))]
LONG = (
    "-D", "digits", "-m", "mlp", "-a", "zoo:iterations=3000", "--eps", "none", "-n", "640", "--max-queries", "30000",
    *SEEDS,
)  # fmt: skip
START = ("-n", "128", "--max-queries", "1")  # a shard for each worker, and hardly any work
REPEATS, JOBS = 2, 2
GOALS = {"process": at_least(0.85), "ray": at_least(0.75)}


def figures(long: Sequence[str] = LONG, repeats: int = REPEATS) -> Iterator[Figure]:
    """Efficiency = (time in process) / (jobs x time of the engine), start-up taken off both."""
    engines = [name for name in GOALS if name == "process" or importlib.util.find_spec("ray")]  # `make .venv/all`
    names = ["local", *(f"{name}:jobs={JOBS}" for name in engines)]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        with step("training"):
            _run(place, "local", (*long, *START))
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
        for _ in range(repeats):
            for name in names:
                with step(f"engine {name}"):
                    times[name].append((_run(place, name, (*long, *START)), _run(place, name, long)))
    yield figure("local: seconds", [whole for _, whole in times["local"]], _long_enough(long))
    for name in names:
        yield figure(f"{name}: start-up (s)", [start for start, _ in times[name]])
    for name, engine in zip(names[1:], engines, strict=True):
        shares = [
            (alone[1] - alone[0]) / (JOBS * (shared[1] - shared[0]))
            for alone, shared in zip(times["local"], times[name], strict=True)
        ]
        yield figure(f"{name}: efficiency", shares, GOALS[engine], note=f"{os.cpu_count()} cores")


def _long_enough(long: Sequence[str]) -> Goal | None:
    """Efficiency is promised for runs of two minutes."""
    return at_least(120) if long is LONG else None


def _run(place: Path, engine: str, words: Sequence[str]) -> float:
    """Seconds of one run into a new report; trained contenders are kept."""
    with tempfile.TemporaryDirectory(dir=place) as out:
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "advbench", "run", *words, "--engine", engine, "-o", f"{out}/report"],
            env=os.environ | {"ADVBENCH_CACHE_DIR": str(place / "cache")}, cwd=place, capture_output=True, check=True,
        )  # fmt: skip
        return time.perf_counter() - started
