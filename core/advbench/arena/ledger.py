"""The account of one shard: what each example asked, and the best that it was shown."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from ..contract.protocols import Goal
from ..contract.types import Bounds, StopReason, Threat
from .goal import HostGoal
from .rows import Flags, Ints, Sizes, blocks, first_per_row, rank_within_row, take

DistanceOf: TypeAlias = Callable[[Any, Any], Tensor]
Confirm: TypeAlias = Callable[
    [Any, Tensor], Tensor
]  # (points, rows (M,)) -> bool (M,): do they meet the goal if asked afresh?
UNLIMITED = (1 << 62) - 1
# Distances are taken of so many numbers at a time: on a processor memory fetched anew costs more than the
# arithmetic, elsewhere it is each step that costs.
_AT_ONCE, _AT_ONCE_ON_CPU = 1 << 26, 1 << 16
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

    The account, and so the rows and query numbers of a call, are arrays of the host whatever the device:
    of a few numbers they cost a fraction of what tensors do, and reading them waits for nothing.

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
        self.x, self.goal, self.threat, self.bounds = x, goal, threat, bounds
        self._wanted = HostGoal(goal)
        self._distance, self._confirm, self._stochastic = distance, confirm, stochastic
        self.queries, self.gradients, self.first_query, self.best_query = (np.zeros(n, np.int64) for _ in range(4))
        self.best_distance = np.full(n, np.inf)
        self._traced = self.best_distance.copy()  # the size last put into the trace
        self.best: Any = list(x) if isinstance(x, tuple) else x.clone()
        self.live = np.ones(n, np.bool_)
        self.stopped: dict[int, StopReason] = {}
        self.failed: dict[int, str] = {}  # rows ended by an error of the contender, and which
        self._withheld: dict[tuple[int, str], int] = {}  # successes by row and text, with their query
        self.trace: list[Improvement] = []
        self.confirmations = 0  # rows about which the judge was asked
        self.signal = np.zeros(n, np.bool_)  # some answer was informative
        self._seconds = np.zeros(n)
        self._since = time.monotonic()
        numbers = 1 if isinstance(x, tuple) else max(1, x.shape[1:].numel())
        at_once = _AT_ONCE_ON_CPU if goal.y.device.type == "cpu" else _AT_ONCE
        self._block = max(2, at_once // numbers)  # points

    def left(self) -> Ints:
        """int64 (N,): queries each row may still ask; 0 once it is dead."""
        return self._left(self.queries, self.threat.max_queries)

    def gradients_left(self) -> Ints:
        """int64 (N,): gradients each row may still ask for; 0 once it is dead."""
        return self._left(self.gradients, self.threat.max_gradients)

    def _left(self, used: Ints, limit: int | None) -> Ints:
        return self.live * (UNLIMITED if limit is None else np.maximum(limit - used, 0))

    def charge(self, rows: Ints, queries: int, gradients: int) -> tuple[Ints | None, Ints]:
        """Charge one call whose points cost that much each; return (asked, number int64 (M,)).

        A point is asked while its row is live and can pay; `asked` are the positions of those points,
        None = all. `number` is the query number of a point's first query, counted from 1. Rows that
        cannot pay for a point die.
        """
        self._spend_time()
        rank = rank_within_row(rows)
        affordable = self.left() // queries if queries > 1 else self.left()
        if gradients:
            affordable = np.minimum(affordable, self.gradients_left() // gradients)
        paid = rank < affordable[rows]
        number = self.queries[rows] + (rank * queries + 1)
        asked = None if paid.all() else paid.nonzero()[0]
        count = np.bincount(rows if asked is None else rows[asked], minlength=len(self.queries))
        self.queries += count * queries
        if gradients:
            self.gradients += count * gradients
        if asked is not None:
            self.stop_for_budget(rows[~paid])
        return asked, number

    def record(
        self, points: Any, rows: Ints, number: Ints, labels: Tensor, sure: bool = True, withhold: bool = False
    ) -> None:
        """Note which of the points asked met the goal, and how close they are.

        `sure`: the labels are the contender's own, not merely the largest of its scores.
        `withhold`: texts whose success counts once they are offered.
        """
        met = self._wanted.met(labels.cpu().numpy(), rows).nonzero()[0]
        if len(met) and withhold:
            places = zip(rows[met].tolist(), take(points, met), number[met].tolist(), strict=True)
            self._withheld |= {(row, point): query for row, point, query in places}
        elif len(met):
            self._note_successes(points, rows, number, met, sure)
        if self.threat.max_queries is not None:
            self._stop(self.live & (self.queries >= self.threat.max_queries), StopReason.BUDGET)

    def offer(self, points: tuple[str, ...], rows: Ints) -> None:
        """Let those of the withheld successes count."""
        keys = list(zip(rows.tolist(), points, strict=True))
        found = [m for m, key in enumerate(keys) if key in self._withheld]
        if found:
            at, number = np.array(found), np.zeros_like(rows)
            number[at] = [self._withheld.pop(keys[m]) for m in found]
            self._note_successes(points, rows, number, at, sure=False)

    def stop_for_budget(self, rows: Ints) -> None:
        """End rows that cannot pay for what their attack would do next."""
        chosen = np.zeros_like(self.live)
        chosen[rows] = True
        self._stop(chosen & self.live, StopReason.BUDGET)

    def fail(self, rows: Ints, why: str) -> None:
        """End rows for which the contender answered what no answer may be."""
        for row in set(rows.tolist()):
            self._stop_row(row, StopReason.ERROR)
            self.failed[row] = why

    def note_signal(self, rows: Ints, gradients: Tensor) -> None:
        """Remember for which rows some gradient told more than nothing."""
        if not self.signal[rows].all():
            informative = gradients.flatten(1).any(dim=1).cpu().numpy()
            self.signal[rows[informative]] = True

    def _note_successes(self, points: Any, rows: Ints, number: Ints, met: Ints, sure: bool) -> None:
        """Note those of the points at `met` that are closer than what was known."""
        sizes = self._distances(points, rows, met)
        closer = (sizes < self.best_distance[rows[met]]).nonzero()[0]
        if not len(closer):
            return
        at, sizes = met[closer], sizes[closer]
        points, rows, number = take(points, at), rows[at], number[at]
        if self._confirm is None or (sure and not self._stochastic):
            best = first_per_row(rows, sizes, len(self.live))
        else:
            best = self._confirmed(points, rows, sizes, self._confirm)
        self._keep_best(points, rows, number, sizes, best)
        self._note_first(rows, number, sizes, best)

    def _distances(self, points: Any, rows: Ints, at: Ints) -> Sizes:
        """How far the points at `at` are from their examples."""
        parts = []
        for part in blocks(at, self._block):
            some = points if len(part) == len(rows) else take(points, part)
            parts.append(self._distance(take(self.x, rows[part]), some))
        return torch.cat(parts).cpu().numpy()

    def _note_first(self, rows: Ints, number: Ints, sizes: Sizes, best: Ints) -> None:
        """Note the first success within eps of rows without one; the points at `best` are kept by now."""
        new = best[self.first_query[rows[best]] == 0]
        if not len(new):
            return
        inside = within_eps(torch.from_numpy(sizes), self.threat, self.bounds).numpy()
        new = new[inside[new]]
        self.first_query[rows[new]] = number[new]
        found = np.zeros_like(self.live)
        found[rows[new]] = True
        if not self._stochastic:  # an earlier point of this call may be farther away, but inside
            fresh = inside & found[rows]
            np.minimum.at(self.first_query, rows[fresh], number[fresh])
        if self.threat.eps is not None and not self.threat.refine:
            self._stop(found, StopReason.FOUND)

    def _confirmed(self, points: Any, rows: Ints, sizes: Sizes, confirm: Confirm) -> Ints:
        """Per row the closest of the points that is no lucky draw: one that succeeds when asked afresh."""
        kept, at = [], np.arange(len(rows))
        settled = np.zeros_like(self.live)
        tried = np.zeros(len(rows), np.bool_)
        while len(at):
            head = at[first_per_row(rows[at], sizes[at], len(self.live))]
            self.confirmations += len(head)
            good = head[confirm(take(points, head), self._index(rows[head])).cpu().numpy()]
            kept.append(good)
            tried[head], settled[rows[good]] = True, True
            at = at[~(tried[at] | settled[rows[at]])]
        return np.concatenate(kept)

    def _keep_best(self, points: Any, rows: Ints, number: Ints, sizes: Sizes, at: Ints) -> None:
        where, new = rows[at], sizes[at]
        worth = at[new <= self._traced[where] * _WORTH_TRACING]
        steps = (rows[worth].tolist(), number[worth].tolist(), sizes[worth].tolist())
        self.trace += [Improvement(*step) for step in zip(*steps, strict=True)]
        self._traced[rows[worth]] = sizes[worth]
        self.best_distance[where], self.best_query[where] = new, number[at]
        if isinstance(self.best, list):
            for i, row in zip(at.tolist(), where.tolist(), strict=True):
                self.best[row] = points[i]
        else:
            self.best[self._index(where)] = take(points, at)

    def _spend_time(self) -> None:
        """Share the time since the last call among the live rows, and stop those out of time."""
        if self.threat.timeout is None:
            return
        now = time.monotonic()
        self._seconds += self.live * ((now - self._since) / max(1, int(self.live.sum())))
        self._since = now
        self._stop(self.live & (self._seconds > self.threat.timeout), StopReason.TIMEOUT)

    def _stop(self, rows: Flags, reason: StopReason) -> None:
        for row in rows.nonzero()[0].tolist():
            self._stop_row(row, reason)

    def _stop_row(self, row: int, reason: StopReason) -> None:
        if row not in self.stopped or reason is StopReason.FOUND:  # found with the last points paid for
            self.stopped[row] = reason
            self.live[row] = False

    def _index(self, rows: Ints) -> Tensor:
        """The same numbers where goal and points are."""
        return torch.from_numpy(rows).to(self.goal.y.device)
