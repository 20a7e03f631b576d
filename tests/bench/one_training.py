"""One contender, trained in a process of its own: `python -m tests.bench.one_training '<JSON>'` prints JSON.

A process's largest memory never shrinks, so trainings that are compared must not share one.
"""

import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from advbench import Examples, Job
from advbench.arena.draws import SeedPath
from advbench.catalog.plugins import discover
from advbench.catalog.registry import read
from advbench.catalog.resolve import Resolver

REPEATS, ENOUGH = 3, 5.0  # trainings at most; seconds after which there is no further one


def measured(model: str, dataset: str, examples: int | None) -> dict[str, Any]:
    """Seconds of each training, and MiB of memory before it and at its largest."""
    torch.set_num_threads(1)
    found = Resolver(discover(), read())
    data, chosen = found.one("dataset", dataset).instance, found.one("model", model).instance
    train, tune = (first(data, split, examples) for split in ("train", "tune"))
    seconds: list[float] = []
    one_step()  # the first step of a process imports what torch needs for it, for seconds
    before = peak_mib()
    while len(seconds) < REPEATS and sum(seconds) < ENOUGH:
        with tempfile.TemporaryDirectory() as checkpoints:
            job = Job(
                train=train, tune=tune, facts=data.facts(), rng=SeedPath(len(seconds), "bench"),
                device=torch.device("cpu"), checkpoints=Path(checkpoints),
            )  # fmt: skip
            started = time.perf_counter()
            chosen.fit(job)
            seconds.append(time.perf_counter() - started)
    return {"seconds": seconds, "before": before, "peak": peak_mib(), "examples": len(train)}


def first(data: Any, split: str, examples: int | None) -> Examples:
    """So many of a split, or all."""
    which = None if examples is None else range(min(examples, len(data.labels(split))))
    found: Examples = data.load(split, which)
    return found


def one_step() -> None:
    """Of Adam, on a single weight."""
    layer = torch.nn.Linear(1, 1)
    layer(torch.ones(1, 1)).sum().backward()
    torch.optim.Adam(layer.parameters()).step()


def peak_mib() -> float:
    """The largest resident memory so far, of this program alone: what getrusage tells on Linux may be a parent's."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / 2**20 if sys.platform == "darwin" else used / 1024


if __name__ == "__main__":
    print(json.dumps(measured(**json.loads(sys.argv[1]))))
