"""The account of one shard: what each example asked, and the best that it was shown."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor

from ..contract.protocols import Goal
from ..contract.types import Bounds, StopReason, Threat

DistanceOf: TypeAlias = Callable[[Any, Any], Tensor]
Confirm: TypeAlias = Callable[
    [Any, Tensor], Tensor
]  # (points, rows (M,)) -> bool (M,): do they meet the goal if asked afresh?
UNLIMITED = (1 << 62) - 1
_WORTH_TRACING = 0.99  # an improvement of 1 % or more


@dataclass(frozen=True)
class Improvement:
    """A point of the trace: at its `query`-th query a row was first shown a point this close."""

    row: int
    query: int
    distance: float


def within_eps(distance: Tensor, threat: Threat, bounds: Bounds | None) -> Tensor:
    """Whether a change of this size is allowed. The slack is absolute: a relative one calls
    every full step on 8-bit images too far."""
    if threat.eps is None:
        return torch.ones_like(distance, dtype=torch.bool)
    return distance <= threat.eps + 1e-6 * (bounds.width if bounds else 1.0)


class Ledger:
    """Counts queries and gradients before they are asked, and keeps each row's closest success.

    queries, gradients, first_query, best_query: int64 (N,), 0 = never; best_distance: float64
    (N,), inf = none; best: the points, equal to x where there is none; live: bool (N,).
    """

    def __init__(
        self,
        x: Any,
        goal: Goal,
        threat: Threat,
        bounds: Bounds | None,
        distance: DistanceOf,
        confirm: Confirm | None = None,
        stochastic: bool = False,
    ) -> None:
        n = len(x)
        device = goal.y.device
        self.x, self.goal, self.threat, self.bounds = x, goal, threat, bounds
        self._distance, self._confirm, self._stochastic = distance, confirm, stochastic
        self.queries, self.gradients, self.first_query, self.best_query = (
            torch.zeros(n, dtype=torch.int64, device=device) for _ in range(4)
        )
        self.best_distance = torch.full((n,), torch.inf, dtype=torch.float64, device=device)
        self._traced = self.best_distance.clone()  # the size last put into the trace
        self.best: Any = list(x) if isinstance(x, tuple) else x.clone()
        self.live = torch.ones(n, dtype=torch.bool, device=device)
        self.stopped: dict[int, StopReason] = {}
        self.failed: dict[int, str] = {}  # rows ended by an error of the contender, and which
        self._withheld: dict[tuple[int, str], int] = {}  # successes by row and text, with their query
        self.trace: list[Improvement] = []
        self.confirmations = 0  # rows about which the judge was asked
        self.signal = torch.zeros(n, dtype=torch.bool, device=device)  # some answer was informative
        self._seconds = torch.zeros(n, dtype=torch.float64, device=device)
        self._since = time.monotonic()

    def left(self) -> Tensor:
        """int64 (N,): queries each row may still ask; 0 once it is dead."""
        return self._left(self.queries, self.threat.max_queries)

    def gradients_left(self) -> Tensor:
        """int64 (N,): gradients each row may still ask for; 0 once it is dead."""
        return self._left(self.gradients, self.threat.max_gradients)

    def _left(self, used: Tensor, limit: int | None) -> Tensor:
        left = torch.full_like(used, UNLIMITED) if limit is None else (limit - used).clamp_(min=0)
        return left.mul_(self.live)

    def charge(self, rows: Tensor, queries: int, gradients: int) -> tuple[Tensor, Tensor]:
        """Charge one call whose points cost that much each; return (asked bool (M,), number int64 (M,)).

        A point is asked while its row is live and can pay; `number` is the query number of its
        first query, counted from 1. Rows that cannot pay for a point die.
        """
        self._spend_time()
        rank = _rank_within_row(rows)
        affordable = self.left() // queries if queries > 1 else self.left()
        if gradients:
            affordable = torch.minimum(affordable, self.gradients_left() // gradients)
        asked = rank < affordable[rows]
        number = self.queries[rows].add_(rank, alpha=queries).add_(1)
        everyone = bool(asked.all())
        count = torch.bincount(rows if everyone else rows[asked], minlength=len(self.queries))
        self.queries.add_(count, alpha=queries)
        if gradients:
            self.gradients.add_(count, alpha=gradients)
        if not everyone:
            refused = torch.zeros_like(self.live)
            refused[rows[~asked]] = True
            self._stop(refused & self.live, StopReason.BUDGET)
        return asked, number

    def record(
        self, points: Any, rows: Tensor, number: Tensor, labels: Tensor, sure: bool = True, withhold: bool = False
    ) -> None:
        """Note which of the points asked met the goal, and how close they are.

        `sure`: the labels are the contender's own, not merely the largest of its scores.
        `withhold`: texts whose success counts once they are offered.
        """
        met = self.goal.met(labels, rows).nonzero().flatten()
        if len(met) and withhold:
            places = zip(rows[met].tolist(), _take(points, met), number[met].tolist(), strict=True)
            self._withheld |= {(row, point): query for row, point, query in places}
        elif len(met):
            self._note_successes(_take(points, met), rows[met], number[met], sure)
        if self.threat.max_queries is not None:
            spent = self.queries >= self.threat.max_queries
            if bool(spent.any()):
                self._stop(spent & self.live, StopReason.BUDGET)

    def offer(self, points: tuple[str, ...], rows: Tensor) -> None:
        """Let those of the withheld successes count."""
        keys = list(zip(rows.tolist(), points, strict=True))
        found = [m for m, key in enumerate(keys) if key in self._withheld]
        if found:
            number = torch.tensor([self._withheld.pop(keys[m]) for m in found], device=rows.device)
            self._note_successes(tuple(points[m] for m in found), rows[found], number, sure=False)

    def stop_for_budget(self, rows: Tensor) -> None:
        """End rows that cannot pay for what their attack would do next."""
        chosen = torch.zeros_like(self.live)
        chosen[rows] = True
        self._stop(chosen & self.live, StopReason.BUDGET)

    def fail(self, rows: Tensor, why: str) -> None:
        """End rows for which the contender answered what no answer may be."""
        for row in set(rows.tolist()):
            self._stop_row(row, StopReason.ERROR)
            self.failed[row] = why

    def note_signal(self, rows: Tensor, informative: Tensor) -> None:
        """Remember for which rows some answer told more than nothing."""
        self.signal[rows[informative]] = True

    def _note_successes(self, points: Any, rows: Tensor, number: Tensor, sure: bool) -> None:
        distance = self._distance(_take(self.x, rows), points).to(rows.device)
        inside = within_eps(distance, self.threat, self.bounds)
        closer = (distance < self.best_distance[rows]).nonzero().flatten()
        if sure and not self._stochastic:
            best = closer[_first_per_row(rows[closer], distance[closer], len(self.live))]
        else:
            best = self._confirmed(points, rows, distance, closer)
        if not len(best):
            return
        self._keep_best(points, rows, number, distance, best)
        new = best[inside[best] & (self.first_query[rows[best]] == 0)]
        if len(new):
            self._note_first(rows, number, inside, new)

    def _note_first(self, rows: Tensor, number: Tensor, inside: Tensor, new: Tensor) -> None:
        """Note the first success within eps of the rows of `new`, whose points are kept by now."""
        self.first_query[rows[new]] = number[new]
        if not self._stochastic:  # an earlier point of this call may be farther away, but inside
            fresh = torch.isin(rows, rows[new]) & inside
            self.first_query.scatter_reduce_(0, rows[fresh], number[fresh], "amin")
        if self.threat.eps is not None and not self.threat.refine:
            found = torch.zeros_like(self.live)
            found[rows[new]] = True
            self._stop(found, StopReason.FOUND)

    def _confirmed(self, points: Any, rows: Tensor, distance: Tensor, at: Tensor) -> Tensor:
        """Per row the closest of the points `at` that is no lucky draw: one that succeeds when asked afresh."""
        if self._confirm is None:
            return at[_first_per_row(rows[at], distance[at], len(self.live))]
        kept = []
        while len(at):
            head = at[_first_per_row(rows[at], distance[at], len(self.live))]
            self.confirmations += len(head)
            good = self._confirm(_take(points, head), rows[head])
            kept.append(head[good])
            at = at[~torch.isin(at, head) & ~torch.isin(rows[at], rows[head[good]])]
        return torch.cat(kept) if kept else at

    def _keep_best(self, points: Any, rows: Tensor, number: Tensor, distance: Tensor, at: Tensor) -> None:
        where, new = rows[at], distance[at]
        worth = new <= self._traced[where] * _WORTH_TRACING
        for row, query, size in zip(
            where[worth].tolist(), number[at][worth].tolist(), new[worth].tolist(), strict=True
        ):
            self.trace.append(Improvement(row, query, size))
        self._traced[where[worth]] = new[worth]
        self.best_distance[where], self.best_query[where] = new, number[at]
        if isinstance(self.best, list):
            for i, row in zip(at.tolist(), where.tolist(), strict=True):
                self.best[row] = points[i]
        else:
            self.best[where] = points[at]

    def _spend_time(self) -> None:
        """Share the time since the last call among the live rows, and stop those out of time."""
        if self.threat.timeout is None:
            return
        now = time.monotonic()
        self._seconds += self.live * ((now - self._since) / max(1, int(self.live.sum())))
        self._since = now
        self._stop(self.live & (self._seconds > self.threat.timeout), StopReason.TIMEOUT)

    def _stop(self, rows: Tensor, reason: StopReason) -> None:
        for row in rows.nonzero().flatten().tolist():
            self._stop_row(row, reason)

    def _stop_row(self, row: int, reason: StopReason) -> None:
        if row not in self.stopped or reason is StopReason.FOUND:  # found with the last points paid for
            self.stopped[row] = reason
            self.live[row] = False


def _rank_within_row(rows: Tensor) -> Tensor:
    """How many earlier points of this call belong to the same row, int64 (M,)."""
    step = rows.diff()
    least = int(step.min()) if len(step) else 1
    if least > 0:  # the usual case, told cheaply
        return torch.zeros_like(rows)
    order = None
    if least < 0:  # points of a row do not lie together
        order = rows.argsort(stable=True)
        step = rows[order].diff()
    position = torch.arange(len(rows), device=rows.device)
    first = position.clone()
    first[1:].masked_fill_(step == 0, 0)
    rank = position - first.cummax(dim=0).values
    return rank if order is None else torch.empty_like(rank).scatter_(0, order, rank)


def _first_per_row(rows: Tensor, key: Tensor, n: int) -> Tensor:
    """Indices of the point with the smallest key of each of n rows, by row; ties go to the earlier point."""
    least = key.new_full((n,), torch.inf).scatter_reduce_(0, rows, key, "amin")
    tied = (key == least[rows]).nonzero().flatten()
    first = rows.new_full((n,), len(rows)).scatter_reduce_(0, rows[tied], tied, "amin")
    return first[first < len(rows)]


def _take(points: Any, index: Tensor) -> Any:
    return tuple(points[i] for i in index.tolist()) if isinstance(points, (tuple, list)) else points[index]
