"""The only door between an attack and a contender. Its type is the access that it grants."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..contract.errors import BudgetSpent, InputError
from ..contract.protocols import Contender, Goal, Loss, State
from ..contract.types import Access, Bounds, Threat
from .asking import Asker, has_nan
from .draws import NoiseSource
from .ledger import Ledger
from .rows import Ints, outside, take


class Oracle:
    """What every attack may know; all that an attack without queries (Access.NONE) may know.

    `rows`, int64 (M,), names the example that each point was made from; left out, it is
    0..N-1. Points may repeat an example or skip some: each example pays for its own points.
    """

    def __init__(
        self,
        asker: Asker,
        ledger: Ledger,
        noise: NoiseSource | None = None,
        prepared: State | None = None,
        progress: Callable[[int], None] = lambda asked: None,
        contenders: Mapping[str, Contender] = MappingProxyType({}),
    ) -> None:
        self._asker, self._ledger, self._noise, self._progress = asker, ledger, noise, progress
        self.goal: Goal = ledger.goal
        self.threat: Threat = ledger.threat
        self.bounds: Bounds | None = ledger.bounds
        self.classes: int = asker.classes
        self.device: torch.device = asker.device
        # Points may be float64, answered in float64. A success is then what the inputs' own type holds of them.
        self.float64: bool = asker.facts.float64
        self.stochastic: bool = asker.facts.stochastic  # asked twice, a point may be answered otherwise
        self.loss: str = asker.facts.loss  # what the contender was trained with
        self.prepared: State | None = prepared
        self.contenders: Mapping[str, Contender] = contenders  # those in the attack's own fields, trained
        self._every_row: Ints = np.arange(len(ledger.live))

    @property
    def live(self) -> Tensor:
        """bool (N,): rows still worth asking about. Dead rows are answered neutrally."""
        return torch.from_numpy(self._ledger.live.copy()).to(self.device)

    def left(self) -> Tensor:
        """int64 (N,): queries each row may still ask; 0 for a dead row."""
        return torch.from_numpy(self._ledger.left()).to(self.device)

    def out_of_budget(self, rows: Tensor) -> None:
        """Say that what these rows, int64 (M,), have left cannot pay for another step."""
        self._ledger.stop_for_budget(rows.cpu().numpy())

    def _admit(self, points: Any, rows: Tensor | None, queries: int = 1, gradients: int = 0) -> _Admitted:
        """Check the points, charge for them, and single out those that may be asked."""
        points, where = self._checked(points), self._rows(rows)
        n = len(points) if isinstance(points, tuple) else points.shape[0]
        if n != len(where):
            raise InputError(f"oracle: rows must name one example per point, got {len(where)} for {n} points.")
        asked, number = self._ledger.charge(where, queries, gradients)
        if asked is None:
            return _Admitted(points, where, number, None)
        if not len(asked):
            raise BudgetSpent("no row of this call is live and can pay for its points")
        keep = torch.from_numpy(asked).to(self.device)
        return _Admitted(take(points, asked), where[asked], number[asked], keep)

    def _seeds(self, admitted: _Admitted, draws: int = 1) -> list[int] | None:
        if self._noise is None:
            return None
        numbers = admitted.number[:, None] + np.arange(draws)
        return self._noise.seeds(admitted.rows.repeat(draws).tolist(), numbers.ravel().tolist())

    def _checked(self, points: Any) -> Any:
        """Points that may be asked about, cut from any graph of the attack's."""
        x = self._ledger.x
        if not isinstance(x, tuple):
            double = self.float64 and isinstance(points, Tensor) and points.dtype == torch.float64
            points = points.detach() if isinstance(points, Tensor) else points
            check_points(points, x.shape[1:], torch.float64 if double else x.dtype, self.bounds)
            return points
        if not isinstance(points, tuple) or not all(isinstance(point, str) for point in points):
            raise InputError("oracle: text points must be a tuple of str.")
        return points

    def _rows(self, rows: Tensor | None) -> Ints:
        """The rows of a call, on the host."""
        if rows is None:
            return self._every_row
        if rows.dtype != torch.int64 or rows.dim() != 1:
            raise InputError(f"oracle: rows must be int64 (M,), got {rows.dtype} {tuple(rows.shape)}.")
        where: Ints = rows.cpu().numpy()
        n = len(self._every_row)
        if outside(where, n):
            raise InputError(f"oracle: rows must lie in 0..{n - 1}, got {where.min()} to {where.max()}.")
        return where


class _Admitted:
    """The points of one call that are really asked; `keep` are their positions, int64 (M,), None = all."""

    def __init__(self, points: Any, rows: Ints, number: Ints, keep: Tensor | None) -> None:
        self.points, self.rows, self.number, self.keep = points, rows, number, keep

    def spread(self, answers: Tensor, neutral: Tensor) -> Tensor:
        """Put the answers among the neutral ones of rows that were not asked."""
        if self.keep is None:
            return answers
        neutral[self.keep] = answers.to(neutral.dtype)
        return neutral


class LabelOracle(Oracle):
    """Given to attacks that need Access.LABELS."""

    def labels(self, points: Any, rows: Tensor | None = None) -> Tensor:
        """int64 (M,), one query per point; a dead row is answered with its label y.

        Raises BudgetSpent, before anything is asked, if no row of the call is live.
        """
        admitted = self._admit(points, rows)
        labels = self._asker.labels(admitted.points, self._seeds(admitted))
        self._settle(admitted, labels)
        if admitted.keep is None:
            return labels
        return admitted.spread(labels, self.goal.y.clone() if rows is None else self.goal.y[rows])

    def offer(self, points: tuple[str, ...], rows: Tensor) -> None:
        """Let these texts count, which were asked about and withheld; those that met no goal still count nothing."""
        self._ledger.offer(points, rows.cpu().numpy())

    def _settle(
        self, admitted: _Admitted, labels: Tensor, cost: int = 1, sure: bool = True, withhold: bool = False
    ) -> None:
        points, x = admitted.points, self._ledger.x
        if isinstance(points, Tensor) and points.dtype != x.dtype:  # rounding may undo a success
            points, sure = points.to(x.dtype), False
        self._ledger.record(points, admitted.rows, admitted.number, labels, sure, withhold)
        self._progress(len(admitted.rows) * cost)


class ScoreOracle(LabelOracle):
    """Given to attacks that need Access.SCORES."""

    def scores(self, points: Any, rows: Tensor | None = None, *, withhold: bool = False) -> Tensor:
        """float32 (M, K), float64 for float64 points, log-space, one query per point; zeros for a dead row.

        Of texts, `withhold` keeps successes from counting until `offer` names them: for an attack
        with rules of its own, which asks about points that break them.
        """
        admitted = self._admit(points, rows)
        scores = self._asker.scores(admitted.points, self._seeds(admitted))
        self._settle(admitted, scores.argmax(dim=1), sure=False, withhold=withhold)  # it may have abstained
        if admitted.keep is None:
            return scores
        return admitted.spread(scores, scores.new_zeros(len(points), self.classes))


class GradientOracle(ScoreOracle):
    """Given to attacks that need Access.GRADIENTS. `threat.gradient` says which kind it is."""

    def gradients_left(self) -> Tensor:
        """int64 (N,): gradients each row may still ask for; 0 for a dead row."""
        return torch.from_numpy(self._ledger.gradients_left() // self.threat.eot).to(self.device)

    def value_and_grad(self, points: Tensor, loss: Loss, rows: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(loss (M,), d loss / d points); `threat.eot` queries and gradients per point.

        `loss(scores (m, K), index (m,)) -> (m,)` is handed part of the call at a time;
        index says which points those are. Zeros for a dead row. A gradient of NaN ends its row:
        there is no telling where it leads.
        """
        draws = self.threat.eot
        admitted = self._admit(points, rows, queries=draws, gradients=draws)
        keep = admitted.keep
        smooth_labels = torch.zeros(len(admitted.rows), dtype=torch.int64, device=self.device)

        def loss_of_kept(scores: Tensor, index: Tensor) -> Tensor:
            smooth_labels[index] = scores.detach().argmax(dim=1)
            return loss(scores, index if keep is None else keep[index])

        seeds = self._seeds(admitted, draws)
        value, grad = self._asker.value_and_grad(admitted.points, loss_of_kept, self.threat.gradient, seeds, draws)
        if has_nan(grad):
            sick = grad.flatten(1).isnan().any(dim=1)
            self._ledger.fail(
                admitted.rows[sick.cpu().numpy()], f"gradient '{self.threat.gradient}' must be numbers, got NaN"
            )
            value, grad = value.masked_fill(sick, 0.0), grad.masked_fill(_over(sick, grad), 0.0)
        self._ledger.note_signal(admitted.rows, grad)
        self._settle_gradient(admitted, smooth_labels, draws)
        return (
            admitted.spread(value, value.new_zeros(len(points))),
            admitted.spread(grad, torch.zeros_like(points)),
        )

    def _settle_gradient(self, admitted: _Admitted, smooth_labels: Tensor, draws: int) -> None:
        # A surrogate's smooth scores prove nothing: success comes from real labels, which the
        # attack asks for itself and pays for.
        if self.threat.gradient == "exact":
            self._settle(admitted, smooth_labels, draws, sure=False)
        else:
            self._progress(len(admitted.rows) * draws)


def _over(rows: Tensor, points: Tensor) -> Tensor:
    """One flag per row, shaped so that it spreads over the row's features."""
    return rows.reshape(-1, *[1] * (points.dim() - 1))


ORACLES: dict[Access, type[Oracle]] = {
    Access.NONE: Oracle,
    Access.LABELS: LabelOracle,
    Access.SCORES: ScoreOracle,
    Access.GRADIENTS: GradientOracle,
}


def check_points(points: Any, shape: tuple[int, ...], dtype: torch.dtype, bounds: Bounds | None) -> None:
    """Raise InputError unless points are finite, of that shape and dtype, and inside the bounds."""
    if not isinstance(points, Tensor) or points.dtype != dtype or points.shape[1:] != shape:
        got = f"{points.dtype} {tuple(points.shape)}" if isinstance(points, Tensor) else type(points).__name__
        wanted = f"{dtype} (M, {', '.join(str(side) for side in shape)})"
        raise InputError(f"oracle: points must be {wanted}, got {got}.")
    if not points.numel():
        return
    if bounds is None:
        if not bool(points.isfinite().all()):
            raise InputError("oracle: points must be finite, got NaN or infinity.")
        return
    low, high = (float(edge) for edge in torch.aminmax(points))
    # Edges are compared as the points' own type holds them: 0.1 is not a float32. NaN fails too.
    lowest, highest = _edges(bounds, dtype)
    if not (low >= lowest and high <= highest):
        raise InputError(
            f"oracle: points must lie in [{bounds.low:g}, {bounds.high:g}], got {low:.9g} to {high:.9g}."
            " Clip before asking: oracle.bounds.clip(x)."
        )


@functools.cache
def _edges(bounds: Bounds, dtype: torch.dtype) -> tuple[float, float]:
    low, high = torch.tensor([bounds.low, bounds.high], dtype=dtype).tolist()
    return low, high
