"""What a plan may take: upper bounds, from its budgets and what earlier trainings measured."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import torch

from ..arena.asking import Asker
from ..contract.protocols import Contender, Examples
from .cache import ContenderCache
from .freshness import training_key
from .plan import Cell

_ROWS = 1_024  # points that a contender's pace is measured on, at most
GRADIENT = 3  # passes that a gradient costs, beside its query


@dataclass(frozen=True)
class Estimate:
    """Of one cell. `seconds`: of the model's own time; None while its contender was never trained here."""

    examples: int
    queries: float  # at most, over all examples and what prepares for them; infinite without a budget
    gradients: float
    seconds: float | None
    training: float | None  # seconds that its training took; 0 if it need not be trained again


def estimate(cell: Cell, device: str, cache: ContenderCache) -> Estimate:
    """At most so much, if every example spends its whole budget, for each of its targets."""
    threat = cell.threat
    examples = len(cell.data.positions) * (cell.data.facts.classes - 1 if threat.targets == "all" else 1)
    asks = cell.attack_facts.needs.word
    queries = 0.0 if asks == "none" else examples * _most(threat.max_queries)
    if hasattr(cell.attack.instance, "prepare"):
        queries += _most(threat.max_prepare_queries)
    gradients = 0.0
    if asks == "gradients":
        gradients = examples * _most(threat.max_gradients)
    about = cache.about(training_key(cell, device))
    pace = None if about is None else about.get("row_seconds")
    return Estimate(
        examples, queries, gradients,
        seconds=None if not isinstance(pace, (int, float)) else pace * (queries + GRADIENT * gradients),
        training=None if about is None else 0.0,
    )  # fmt: skip


def _most(budget: int | None) -> float:
    return math.inf if budget is None else budget


def row_seconds(contender: Contender, examples: Examples, classes: int, device: torch.device) -> float:
    """What one query costs this contender, asked in whole chunks."""
    some = examples.x[: min(_ROWS, contender.facts.chunk)]
    asker, points = Asker(contender, classes, device), some if isinstance(some, tuple) else some.to(device)
    seeds = range(len(points))
    asker.labels(points, seeds)
    started = time.perf_counter()
    asker.labels(points, seeds)
    return (time.perf_counter() - started) / max(1, len(points))
