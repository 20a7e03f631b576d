"""An attack's questions: how far points are from the goal, and whether the answers tell anything at all."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from advbench import ScoreOracle

from .losses import Loss

FLAT = 0.05  # below this share of questions that made a difference the contender tells nothing
VAIN = 1000  # questions without any difference after which a row gives up
DRAWS = 8  # answers averaged per point where answers change by themselves
_CLEAR = 4.0  # standard deviations that a difference must exceed to be no noise


class Inquiry:
    """Rows are those of the oracle. Points are flat, (M, d); `shape` is one input's.

    repeats: int64 (N,), answers averaged per point: 1, or DRAWS for rows whose answers change by
    themselves.  noise: float64 (N,), differences up to this mean nothing.
    """

    def __init__(self, oracle: ScoreOracle, shape: tuple[int, ...], loss: Loss) -> None:
        n, device = len(oracle.goal.y), oracle.device
        self.oracle, self.shape, self._loss = oracle, shape, loss
        self.repeats = torch.ones(n, dtype=torch.int64, device=device)
        self.noise = torch.zeros(n, dtype=torch.float64, device=device)
        self._asked, self._heard = (torch.zeros(n, dtype=torch.float64, device=device) for _ in range(2))

    def ask(self, points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """(loss float64 (M,), whether the scores meet the goal bool (M,)); `repeats` queries each. Rows are live."""
        noisy = self.repeats[rows] > 1
        if not bool(noisy.any()):
            return self._judged(self._scores(points, rows, 1), rows)
        loss = torch.empty(len(rows), dtype=torch.float64, device=points.device)
        met = torch.empty(len(rows), dtype=torch.bool, device=points.device)
        for chosen, draws in ((~noisy, 1), (noisy, DRAWS)):
            at = chosen.nonzero().flatten()
            if len(at):
                loss[at], met[at] = self._judged(self._scores(points[at], rows[at], draws), rows[at])
        return loss, met

    def answers(self, points: Tensor, rows: Tensor) -> Tensor:
        """Loss of each point, float64 (M,), one query each, however noisy. Rows may repeat, and are live."""
        return self._judged(self._scores(points, rows, 1), rows)[0]

    def holds(self, points: Tensor, rows: Tensor) -> Tensor:
        """bool (M,): do labels agree that these points meet the goal? Scores hide an abstention."""
        votes = torch.empty(len(rows), dtype=torch.float64, device=points.device)
        noisy = self.repeats[rows] > 1
        for chosen, draws in ((~noisy, 1), (noisy, DRAWS)):
            at = chosen.nonzero().flatten()
            if len(at):
                of = rows[at].repeat_interleave(draws)
                labels = self.oracle.labels(self._shaped(points[at].repeat_interleave(draws, dim=0)), of)
                votes[at] = self.oracle.goal.met(labels, of).double().reshape(-1, draws).mean(dim=1)
        return votes > 0.5

    def listen(self, points: Tensor, rows: Tensor, loss: Tensor) -> None:
        """Ask again about points whose loss (R,) is known: 1 query, and DRAWS more where the answer has changed."""
        rows, points, loss = _only(self.oracle.live[rows] & (self.oracle.left()[rows] > 0), rows, points, loss)
        if not len(rows):
            return
        rows, points = _only(self.answers(points, rows) != loss, rows, points)
        rows, points = _only(self.oracle.live[rows] & (self.oracle.left()[rows] >= DRAWS), rows, points)
        if not len(rows):
            return
        again = self.answers(points.repeat_interleave(DRAWS, dim=0), rows.repeat_interleave(DRAWS)).reshape(-1, DRAWS)
        self.repeats[rows] = DRAWS
        self.noise[rows] = _CLEAR * math.sqrt(2) * again.std(dim=1)

    def compare(self, rows: Tensor, differences: Tensor, draws: int = 1) -> None:
        """Count differences of losses, (R,) or (R, questions), as told or not told.

        draws: how many answers each side of a difference is the mean of, at least.
        """
        each = differences if differences.dim() == 2 else differences[:, None]
        told = each.abs() > self.noise[rows, None] / math.sqrt(draws)
        self._asked[rows] += told.shape[1]
        self._heard[rows] += told.double().sum(dim=1)

    @property
    def share(self) -> Tensor:
        """float64 (N,): of the differences that told something; NaN where there was none."""
        return self._heard / self._asked

    @property
    def blind(self) -> Tensor:
        """bool (N,): rows about which the contender hardly ever said anything."""
        return self.share < FLAT

    @property
    def silent(self) -> Tensor:
        """bool (N,): rows that asked a thousand times in vain."""
        return (self._heard == 0) & (self._asked >= VAIN)

    def _scores(self, points: Tensor, rows: Tensor, draws: int) -> Tensor:
        if draws == 1:
            return self.oracle.scores(self._shaped(points), rows)
        asked = self._shaped(points.repeat_interleave(draws, dim=0))
        logs = self.oracle.scores(asked, rows.repeat_interleave(draws)).log_softmax(dim=1)
        return logs.reshape(len(rows), draws, -1).logsumexp(dim=1)

    def _judged(self, scores: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        goal = self.oracle.goal
        loss = self._loss(scores, goal.y[rows], None if goal.target is None else goal.target[rows])
        return loss, goal.met(scores.argmax(dim=1), rows)

    def _shaped(self, points: Tensor) -> Tensor:
        return points.reshape(-1, *self.shape)


def _only(which: Tensor, *columns: Tensor) -> tuple[Tensor, ...]:
    return tuple(column[which] for column in columns)
