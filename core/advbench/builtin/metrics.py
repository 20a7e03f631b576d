"""The bundled metrics. Each is a pure function of one cell's stored rows.

Common to all. Several rows of one example (`--targets all`) are one example: broken if any target
fell. `invalid` is held. Rows that ended by timeout or error say neither: the value counts them as
held, the interval's low end for the defender as broken. n = 0 gives NaN.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from advbench import Estimate, MetricSpec, mean_interval, quantile, quantile_interval, wilson

from . import metric_specs as specs

if TYPE_CHECKING:
    import pandas as pd

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

_FOLDED = ("example_id", "label", "clean_label", "verdict", "stop_reason")
_NOTHING = Estimate(math.nan, math.nan, math.nan, 0)


class _Judged:
    """One cell's rows, folded to one entry per example: bool (n,)."""

    def __init__(self, rows: pd.DataFrame) -> None:
        self.rows = rows
        fold = _fold(_Columns([rows[name].array for name in _FOLDED]))
        self.n, self.right, self.broken, self.open = fold.n, fold.right, fold.broken, fold.open
        self.unknown, self.abstained = fold.unknown, fold.abstained
        self._group, self._broken_rows = fold.group, fold.broken_rows

    def distance(self) -> Floats:
        """Smallest change that broke each example, in the cell's norm; inf if none did."""
        sizes = _numbers(self.rows, str(self.rows["norm"].iloc[0])) if self.n else np.empty(0)
        found = np.full(self.n, math.inf)
        np.minimum.at(found, self._group[self._broken_rows], sizes[self._broken_rows])
        return np.where(self.broken, found, math.inf)

    def queries(self) -> Floats:
        """Queries charged to each example, all its targets together."""
        found = np.zeros(self.n)
        np.add.at(found, self._group, _numbers(self.rows, "queries"))
        return found

    def votes(self) -> Floats:
        """Largest share of noise draws that met the goal; 0 or 1 where no draws were made."""
        stored = _numbers(self.rows, "votes")
        found = np.zeros(self.n)
        np.maximum.at(found, self._group, np.where(np.isnan(stored), self._broken_rows, stored))
        return found


class _Columns:
    """Columns of one cell. Equal to others that are the very same Arrow data, which cannot change."""

    def __init__(self, arrays: Sequence[Any]) -> None:
        self.arrays = arrays
        self._data = [getattr(array, "__arrow_array__", object)() for array in arrays]

    def __hash__(self) -> int:
        return hash(tuple(map(id, self._data)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Columns) and all(a is b for a, b in zip(self._data, other._data, strict=True))


class _Fold:
    """What all metrics of a cell count by."""

    def __init__(self, columns: _Columns) -> None:
        ids, label, clean, verdict, stop = columns.arrays
        found, self.group = np.unique(ids.to_numpy(dtype=np.int64), return_inverse=True)
        self.n, clean, broken = len(found), _plain(clean), verdict.isin(["broken"])
        unresolved = stop.isin(["timeout", "error"]) & ~broken
        unasked = np.isnan(clean) & unresolved  # ended before the clean answer was known
        self.right = self.any((clean == _plain(label)) | unasked)
        self.broken = self.any(broken) & self.right
        self.open = self.any(unresolved) & ~self.broken & self.right
        self.unknown = self.any(unasked)
        self.abstained = self.any(clean == -1)
        self.broken_rows = broken

    def any(self, rows: Bools) -> Bools:
        """Whether any row of an example is true."""
        found = np.zeros(self.n, bool)
        found[self.group[rows]] = True
        return found


_fold = functools.lru_cache(maxsize=1)(_Fold)  # the metrics of one cell come one after the other


def _plain(array: Any) -> Floats:
    found: Floats = array.to_numpy(dtype=np.float64, na_value=np.nan)
    return found


def _numbers(rows: pd.DataFrame, column: str) -> Floats:
    return _plain(rows[column].array)


def _share(certain: int, unresolved: int, n: int) -> Estimate:
    """The share (certain + unresolved) / n; unresolved examples are missing at its low end."""
    if n == 0:
        return _NOTHING
    return Estimate((certain + unresolved) / n, wilson(certain, n)[0], wilson(certain + unresolved, n)[1], n)


@dataclass(frozen=True)
class CleanAccuracy:
    """Share of examples whose clean answer is the label; abstaining is not right."""

    spec: ClassVar[MetricSpec] = specs.CLEAN_ACCURACY

    def __call__(self, rows: pd.DataFrame) -> Estimate:
        judged = _Judged(rows)
        unknown = int(judged.unknown.sum())
        return _share(int(judged.right.sum()) - unknown, unknown, judged.n)


@dataclass(frozen=True)
class RobustAccuracy:
    """Share of examples answered right and not broken, over all."""

    spec: ClassVar[MetricSpec] = specs.ROBUST_ACCURACY

    def __call__(self, rows: pd.DataFrame) -> Estimate:
        judged = _Judged(rows)
        unresolved = int(judged.open.sum())
        return _share(int((judged.right & ~judged.broken).sum()) - unresolved, unresolved, judged.n)


@dataclass(frozen=True)
class SuccessRate:
    """Share of broken examples among those answered right; unresolved ones widen it upwards."""

    spec: ClassVar[MetricSpec] = specs.SUCCESS_RATE

    def __call__(self, rows: pd.DataFrame) -> Estimate:
        judged = _Judged(rows)
        n, broken, unresolved = (int(part.sum()) for part in (judged.right, judged.broken, judged.open))
        if n == 0:
            return _NOTHING
        return Estimate(broken / n, wilson(broken, n)[0], wilson(broken + unresolved, n)[1], n)


def _quantile_of(judged: _Judged, values: Floats, unresolved: Floats, q: float) -> Estimate:
    """The q-quantile over examples answered right.

    `unresolved` replaces the values of open examples at the low end, which is 0 or more.
    """
    chosen = values[judged.right]
    if not len(chosen):
        return _NOTHING
    low = quantile_interval(np.where(judged.open, unresolved, values)[judged.right], q)[0]
    return Estimate(quantile(chosen, q), max(low, 0.0), quantile_interval(chosen, q)[1], len(chosen))


@dataclass(frozen=True)
class MedianDistance:
    """Median change that breaks, over examples answered right; held is infinite.

    The norm is the cell's. The interval is made of order statistics; its low end takes
    unresolved examples as broken at 0.
    """

    spec: ClassVar[MetricSpec] = specs.MEDIAN_DISTANCE

    def __call__(self, rows: pd.DataFrame) -> Estimate:
        judged = _Judged(rows)
        return _quantile_of(judged, judged.distance(), np.zeros(judged.n), 0.5)


@dataclass(frozen=True)
class P10Distance:
    """As `MedianDistance`, the tenth percentile."""

    spec: ClassVar[MetricSpec] = specs.P10_DISTANCE

    def __call__(self, rows: pd.DataFrame) -> Estimate:
        judged = _Judged(rows)
        return _quantile_of(judged, judged.distance(), np.zeros(judged.n), 0.1)


@dataclass(frozen=True)
class P90Distance:
    """As `MedianDistance`, the ninetieth percentile."""

    spec: ClassVar[MetricSpec] = specs.P90_DISTANCE

    def __call__(self, rows: pd.DataFrame) -> Estimate:
        judged = _Judged(rows)
        return _quantile_of(judged, judged.distance(), np.zeros(judged.n), 0.9)


@dataclass(frozen=True)
class MeanDistance:
    """Mean change over the broken examples alone, with Student's interval.

    It falls when an attack breaks only the easy ones: read it beside the success rate.
    """

    spec: ClassVar[MetricSpec] = specs.MEAN_DISTANCE

    def __call__(self, rows: pd.DataFrame) -> Estimate:
        judged = _Judged(rows)
        broken = judged.distance()[judged.broken]
        if not len(broken):
            return _NOTHING
        return Estimate(float(broken.mean()), *mean_interval(broken), len(broken))


@dataclass(frozen=True)
class MedianQueries:
    """Median queries of a break over examples answered right; held is infinite.

    With all targets an example costs what its targets cost together. The low end takes
    unresolved examples as broken with what they had asked.
    """

    spec: ClassVar[MetricSpec] = specs.MEDIAN_QUERIES

    def __call__(self, rows: pd.DataFrame) -> Estimate:
        judged = _Judged(rows)
        asked = judged.queries()
        return _quantile_of(judged, np.where(judged.broken, asked, math.inf), asked, 0.5)


@dataclass(frozen=True)
class SecurityCurve:
    """Area under robust accuracy over eps, from 0 to the cell's eps, divided by that eps.

    The reference eps stands in where the cell has no finite one; NaN if both are missing. An attack that
    stops at its first point within eps does not look for small changes, so the area is then an
    upper bound.
    """

    spec: ClassVar[MetricSpec] = specs.SECURITY_CURVE

    def __call__(self, rows: pd.DataFrame) -> Estimate:
        judged = _Judged(rows)
        if not judged.n:
            return _NOTHING
        eps, reference = (float(_numbers(rows, column)[0]) for column in ("eps", "reference_eps"))
        end = eps if math.isfinite(eps) else reference
        if not end > 0:
            return _NOTHING
        part = np.where(judged.right, np.minimum(judged.distance(), end) / end, 0.0)
        return _mean_share(part, judged.open)


@dataclass(frozen=True)
class ExpectedRobustAccuracy:
    """Mean over all examples of clean-right x (1 - votes).

    What one fresh draw of the contender's noise would give; equals robust accuracy where the
    contender is deterministic.
    """

    spec: ClassVar[MetricSpec] = specs.EXPECTED_ROBUST_ACCURACY

    def __call__(self, rows: pd.DataFrame) -> Estimate:
        judged = _Judged(rows)
        return _mean_share(np.where(judged.right, 1 - judged.votes(), 0.0), judged.open)


def _mean_share(shares: Floats, unresolved: Bools) -> Estimate:
    """The mean of numbers in [0, 1], unresolved ones as 0 at the low end."""
    n = len(shares)
    if not n:
        return _NOTHING
    total, certain = float(shares.sum()), float(shares[~unresolved].sum())
    return Estimate(total / n, wilson(certain, n)[0], wilson(total, n)[1], n)


@dataclass(frozen=True)
class AbstainRate:
    """Share of clean inputs on which the contender abstains (clean label -1), over all."""

    spec: ClassVar[MetricSpec] = specs.ABSTAIN_RATE

    def __call__(self, rows: pd.DataFrame) -> Estimate:
        judged = _Judged(rows)
        if not judged.n:
            return _NOTHING
        abstained, unknown = int(judged.abstained.sum()), int(judged.unknown.sum())
        return Estimate(
            abstained / judged.n, wilson(abstained, judged.n)[0], wilson(abstained + unknown, judged.n)[1], judged.n
        )
