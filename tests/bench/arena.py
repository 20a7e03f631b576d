"""Putting attacks on the arena's own path, and the model's own time for what they asked."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from advbench import Access, ClassGoal, DatasetFacts, Examples, Norm, Threat
from advbench.arena.asking import Asker
from advbench.arena.contest import Contest, Outcome, run_shard
from advbench.arena.draws import SeedPath
from advbench.arena.ledger import Ledger
from advbench.arena.meter import Metered
from advbench.arena.networks import TorchContender
from advbench.arena.oracle import ScoreOracle
from advbench.builtin.distances import L2

CPU = torch.device("cpu")


@dataclass
class Recording:
    """A contender that keeps a copy of all it is asked for scores; everything else as the one inside."""

    contender: TorchContender
    parts: list[Tensor] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.contender, name)

    def scores(self, x: Tensor, *, noise: Any = None) -> Tensor:
        self.parts.append(x.clone())
        return self.contender.scores(x, noise=noise)


def replay(contender: TorchContender, parts: list[Tensor]) -> None:
    """Ask the same rows in the same chunks again, with nothing around."""
    for part in parts:
        contender.scores(part)


def oracle_over(
    contender: TorchContender, x: Tensor, facts: DatasetFacts, y: Tensor | None = None
) -> tuple[ScoreOracle, Ledger]:
    """An oracle without limits over x, whose labels are the contender's own or y, and its ledger."""
    goal = ClassGoal(contender.labels(x) if y is None else y)
    ledger = Ledger(x, goal, Threat(access=Access.SCORES, norm=Norm.L2), facts.bounds, L2(), None)
    return ScoreOracle(Asker(Metered(contender), facts.classes, x.device), ledger), ledger


def contest(contender: Any, attack: Any, facts: DatasetFacts, max_queries: int) -> Contest:
    """Untargeted, by scores, smallest L2, that many queries an example."""
    root = SeedPath(0)
    return Contest(
        contender=contender,
        attack=attack,
        needs=Access.SCORES,
        batched=True,
        threat=Threat(access=Access.SCORES, norm=Norm.L2, max_queries=max_queries),
        facts=facts,
        distances={Norm.L2: _l2_in_units_of_width(facts)},
        attack_seeds=root.child("attack"),
        noise_seeds=root.child("noise"),
        judge_seeds=root.child("judge"),
        device=CPU,
    )


def _l2_in_units_of_width(facts: DatasetFacts) -> Callable[[Any, Any], Tensor]:
    distance, width = L2(), facts.bounds.width if facts.bounds else 1.0
    return lambda a, b: distance(a, b, width)


def play(contender: Any, attack: Any, examples: Examples, facts: DatasetFacts, max_queries: int) -> Outcome:
    """Attack and judge all examples as one shard."""
    return run_shard(contest(contender, attack, facts, max_queries), examples)


def judged_points(outcome: Outcome, examples: Examples) -> Tensor:
    """The points of the outcome in the order of the examples."""
    return torch.stack([outcome.points[str(int(i))] for i in examples.ids])


def queries(outcome: Outcome) -> list[int]:
    """Queries charged to each example."""
    return [int(row["queries"]) for row in outcome.examples]
