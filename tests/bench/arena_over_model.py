"""What oracle, ledger and meter add to the model's own time."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from time import process_time

import torch
from torch import nn

from advbench import Access, Bounds, ContenderFacts, DatasetFacts, Modality
from advbench.arena.networks import TorchContender

from .arena import oracle_over
from .harness import Figure, at_most, figure, in_turn, ratios, step

SHAPE = (1, 28, 28)
CALLS = 200
FACTS = DatasetFacts(
    modality=Modality.IMAGE, shape=SHAPE, classes=10, bounds=Bounds(0.0, 1.0), digest="random", sizes={}
)


def cheap_network() -> TorchContender:
    """784-512-10, untrained: cheap, so that what is added to it shows."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 10))
    return TorchContender(network, ContenderFacts(access=Access.SCORES))


def figures() -> Iterator[Figure]:
    """Label queries through the arena over the same points in bare chunks: many points at once, and few."""
    yield _many()
    yield _few()


def _few() -> Figure:
    """One point for each of 16 rows, half of which succeed: nearly all of such a call is bookkeeping."""
    torch.manual_seed(0)
    contender = TorchContender(nn.Sequential(nn.Linear(64, 20), nn.ReLU(), nn.Linear(20, 10)))
    x, rows = torch.rand(16, 64), torch.arange(16)
    facts = replace(FACTS, modality=Modality.TABULAR, shape=(64,))
    y = (contender.labels(x) + (rows % 2)) % 10
    oracle, _ = oracle_over(contender, x, facts, y)

    def repeated(ask: Callable[[], object]) -> Callable[[], object]:
        return lambda: [ask() for _ in range(CALLS)]

    with step(f"{CALLS} calls of 16 label queries, 15 rounds"):
        ours, model = in_turn(
            15, repeated(lambda: oracle.labels(x, rows)), repeated(lambda: contender.labels(x)), clock=process_time
        )
    return figure("16 label queries, 64-20-10: arena / model (x)", ratios(ours, model), at_most(5))


def _many() -> Figure:
    """4,096 points, 64 for each row."""
    contender = cheap_network()
    x = torch.rand(64, *SHAPE)
    points, rows = x.repeat_interleave(64, dim=0), torch.arange(64).repeat_interleave(64)
    oracle, _ = oracle_over(contender, x, FACTS)

    def bare() -> None:
        for part in points.split(contender.facts.chunk):
            contender.labels(part)

    with step("label queries, 15 rounds"):
        ours, model = in_turn(15, lambda: oracle.labels(points, rows), bare)
    return figure("label queries, 784-512-10: arena / model (x)", ratios(ours, model), at_most(1.3))
