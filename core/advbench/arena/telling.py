"""One example's attack in words: what the attack says of its steps, or else every query and what came of it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from ..contract.protocols import Examples, Perturbed, State, Streams
from .contest import Contest, Outcome, run_shard
from .ledger import Ledger
from .rows import Ints, take

Say = Callable[[str], None]


def run_told(contest: Contest, example: Examples, target: Tensor | None, prepared: State | None, say: Say) -> Outcome:
    """Attack one example as `run_shard` does, with the same draws, and say how it goes, line by line."""
    if hasattr(contest.attack, "explain"):
        told = replace(contest, attack=_Explained(contest.attack, say))
    else:
        told = replace(contest, ledger=functools.partial(TellingLedger, say))
    return run_shard(told, example, target, prepared)


@dataclass(frozen=True)
class _Explained:
    """The attack, doing what it does while it says so."""

    attack: Any
    say: Say

    def perturb(self, oracle: Any, x: Any, rng: Streams) -> Perturbed:
        answer: Perturbed = self.attack.explain(oracle, x, rng, self.say)
        return answer


class TellingLedger(Ledger):
    """The account of one example, which says what it notes."""

    def __init__(self, say: Say, *account: Any) -> None:
        super().__init__(*account)
        self._say = say

    def charge(self, rows: Ints, queries: int, gradients: int) -> tuple[Ints | None, Ints]:
        """As ever; a gradient's answer is noted nowhere, so it is told here."""
        asked, number = super().charge(rows, queries, gradients)
        if gradients:
            draws = f", the mean of {queries} draws" if queries > 1 else ""
            for one in (number if asked is None else number[asked]).tolist():
                self._say(f"query {one:,}: gradient{draws}")
        return asked, number

    def record(
        self, points: Any, rows: Ints, number: Ints, labels: Tensor, sure: bool = True, withhold: bool = False
    ) -> None:
        """As ever, then one line a query and one more if the closest success is another now."""
        distances = self._distance(take(self.x, rows), points).tolist()
        met = self._wanted.met(labels.cpu().numpy(), rows).tolist()
        for query, label, hit, distance in zip(number.tolist(), labels.tolist(), met, distances, strict=True):
            goal = "goal not met" if not hit else "goal met, if the attack offers it" if withhold else "goal met"
            self._say(f"query {query:,}: label {label}, {goal}, {self.threat.norm} {distance:.6g}")
        self._tell_best(lambda: super(TellingLedger, self).record(points, rows, number, labels, sure, withhold))

    def offer(self, points: tuple[str, ...], rows: Ints) -> None:
        """As ever, and what counts now."""
        self._tell_best(lambda: super(TellingLedger, self).offer(points, rows))

    def _tell_best(self, change: Callable[[], None]) -> None:
        before = float(self.best_distance[0])
        change()
        if float(self.best_distance[0]) < before:
            distance, query = float(self.best_distance[0]), int(self.best_query[0])
            self._say(f"  closest success so far: {self.threat.norm} {distance:.6g}, of query {query:,}")
