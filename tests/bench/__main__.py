"""`make bench`: what advbench adds to the time that the models take anyway. Ratios within one run.

Each figure is a median over repeats with its smallest and largest; two things that are compared
are timed in turn, so that a change of the machine's speed hits both.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from advbench import Access, Bounds, ClassGoal, ContenderFacts, Norm, Threat
from advbench.arena.asking import Asker
from advbench.arena.draws import ExampleStreams, SeedPath
from advbench.arena.ledger import Ledger
from advbench.arena.meter import Metered
from advbench.arena.networks import TorchContender
from advbench.arena.oracle import ScoreOracle
from advbench.builtin.distances import L2
from advbench_scd.training import Settings, train_votes
from advbench_zoo.attack import Zoo


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def in_turn(repeats: int, *works: Callable[[], object]) -> list[list[float]]:
    """Seconds of each work, (works, repeats), A B A B ..., after one uncounted round."""
    for work in works:
        work()
    rounds = [[seconds(work) for work in works] for _ in range(repeats)]
    return [list(column) for column in zip(*rounds, strict=True)]


def network(features: int, hidden: int) -> torch.nn.Module:
    torch.manual_seed(0)
    layers = torch.nn.Linear(features, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, 10)
    return torch.nn.Sequential(torch.nn.Flatten(), *layers)


def oracle_over(contender: TorchContender, x: torch.Tensor) -> ScoreOracle:
    goal = ClassGoal(contender.labels(x))
    ledger = Ledger(x, goal, Threat(access=Access.SCORES, norm=Norm.L2), Bounds(0, 1), L2(), None)
    return ScoreOracle(Asker(Metered(contender), 10, x.device), ledger)


def arena_overhead() -> dict[str, list[float]]:
    """Label queries through oracle, ledger and meter over the same points in bare chunks."""
    contender = TorchContender(network(784, 512), ContenderFacts(access=Access.SCORES))
    x = torch.rand(64, 1, 28, 28)
    points, rows = x.repeat_interleave(64, dim=0), torch.arange(64).repeat_interleave(64)
    oracle = oracle_over(contender, x)

    def bare() -> None:
        for part in points.split(contender.facts.chunk):
            contender.labels(part)

    ours, floor = in_turn(15, lambda: oracle.labels(points, rows), bare)
    return {"label queries: arena over bare model (x)": [a / b for a, b in zip(ours, floor, strict=True)]}


def zoo_overhead() -> dict[str, list[float]]:
    """A whole ZOO step over the model's own time for the same points."""
    contender = TorchContender(network(784, 512), ContenderFacts(access=Access.SCORES))
    x = torch.rand(32, 1, 28, 28)
    attack = Zoo(h=1e-4, iterations=10, searches=1, coordinates=128, abort_every=1000)
    points = torch.rand(32 * 257, 1, 28, 28)

    def bare() -> None:
        for _ in range(10):
            for part in points.split(contender.facts.chunk):
                contender.scores(part)

    def whole() -> None:
        rng = ExampleStreams(SeedPath(0), range(32), x.device)
        attack.perturb(oracle_over(contender, x), x, rng)

    ours, floor = in_turn(5, whole, bare)
    return {"zoo: whole attack over bare model (x)": [a / b for a, b in zip(ours, floor, strict=True)]}


def scd_vote() -> dict[str, list[float]]:
    """One vote of 20 nodes and 1000 iterations on data of CIFAR-10's shape, on one core."""
    rng = np.random.default_rng(0)
    y = np.arange(10_000) % 2
    pattern = rng.normal(size=3072).astype(np.float32) * 0.02
    x = np.clip(rng.random((10_000, 3072), dtype=np.float32) + pattern * (2 * y[:, None] - 1), 0, 1)
    y = y ^ (rng.random(10_000) < 0.1)  # some labels wrong, or a perfect network would end the walk early
    train_votes(x[:100], y[:100], Settings(iterations=10), [0], 1, lambda done, total: None)  # compiles

    def vote(seed: int) -> float:
        return seconds(lambda: train_votes(x, y, Settings(), [seed], 1, lambda done, total: None))

    return {"scd: one vote, 10000 x 3072, one core (s)": [vote(seed) for seed in range(3)]}


def command_line() -> dict[str, list[float]]:
    """Whole processes."""
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "report"
        run = [sys.executable, "-m", "advbench", "run", "-D", "two-moons", "-m", "linear", "-a", "none", "-o", str(out)]
        subprocess.run(run, capture_output=True, check=True)
        for words in (["--help"], ["list"], ["leaderboard", str(out)]):
            command = [sys.executable, "-m", "advbench", *words]
            (column,) = in_turn(7, lambda command=command: subprocess.run(command, capture_output=True, check=True))
            figures[f"advbench {words[0]} (s)"] = column
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    figures: dict[str, list[float]] = {}
    for measure in (arena_overhead, zoo_overhead, scd_vote, command_line):
        found = measure()
        for name, values in found.items():
            print(f"{name:<48} {statistics.median(values):7.3f}   [{min(values):.3f}, {max(values):.3f}]", flush=True)
        figures |= found
    if chosen.json:
        chosen.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
