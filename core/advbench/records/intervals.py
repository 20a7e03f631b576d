"""95 % intervals, with numpy and math alone. Ends are NaN where nothing can be said."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Values = Sequence[float] | npt.NDArray[np.float64]

_Z = 1.959963984540054  # 97.5 % point of the normal distribution
_T = (12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624, 2.306004, 2.262157)  # of t, df 1 to 9
_TAIL = 0.025


def wilson(k: float, n: int) -> tuple[float, float]:
    """Return the Wilson score interval of a share k of n, within [0, 1]; NaN if n is 0.

    k may be a sum of n numbers in [0, 1]: such numbers vary no more than coins with the same
    mean, so the interval is then conservative.
    """
    if n == 0:
        return math.nan, math.nan
    share, scale = k / n, 1 + _Z * _Z / n
    centre = (share + _Z * _Z / (2 * n)) / scale
    half = _Z / scale * math.sqrt(max(0.0, share * (1 - share) / n) + _Z * _Z / (4 * n * n))
    low = 0.0 if k <= 0 else max(0.0, centre - half)
    high = 1.0 if k >= n else min(1.0, centre + half)
    return low, high


def quantile(values: Values, q: float) -> float:
    """Return the q-quantile, linear between neighbours; infinities are ordinary large values.

    NaN if `values` is empty or holds a NaN.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    if not ordered.size or np.isnan(ordered[-1]):
        return math.nan
    place = (len(ordered) - 1) * q
    below = math.floor(place)
    low, high = float(ordered[below]), float(ordered[min(below + 1, len(ordered) - 1)])
    if low == high or place == below:
        return low
    return low + (high - low) * (place - below)


def quantile_interval(values: Values, q: float) -> tuple[float, float]:
    """Return order statistics that enclose the q-quantile of any distribution with at least 95 %.

    Each side errs by 2.5 % or less, by the binomial distribution of how many values lie below.
    Where too few values are there for that, the end is -inf or +inf: for the median below n = 6.
    NaN if `values` is empty or holds a NaN.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    n = len(ordered)
    if not n or np.isnan(ordered[-1]):
        return math.nan, math.nan
    left, right = _ranks(n, q)
    low = float(ordered[left - 1]) if left >= 1 else -math.inf
    high = float(ordered[right - 1]) if right <= n else math.inf
    return low, high


def median_interval(values: Values) -> tuple[float, float]:
    """Return the order-statistic interval of the median; see `quantile_interval`."""
    return quantile_interval(values, 0.5)


def mean_interval(values: Values) -> tuple[float, float]:
    """Return the Student t interval of the mean; NaN below two values or if any is not finite."""
    numbers = np.asarray(values, dtype=np.float64)
    if len(numbers) < 2 or not np.isfinite(numbers).all():
        return math.nan, math.nan
    centre = float(numbers.mean())
    half = _student(len(numbers) - 1) * float(numbers.std(ddof=1)) / math.sqrt(len(numbers))
    return centre - half, centre + half


@functools.lru_cache(maxsize=256)
def _ranks(n: int, q: float) -> tuple[int, int]:
    """Ranks, from 1, of the order statistics around the q-quantile of n values; 0 and n + 1 where there are none."""
    below = np.cumsum(_binomial(n, q))  # below[i] = P(at most i values lie under the quantile)
    left = int(np.searchsorted(below, _TAIL, side="right"))  # largest rank r with P(count < r) <= tail
    return left, int(np.searchsorted(below, 1 - _TAIL, side="left")) + 1  # smallest rank r with P(count >= r) <= tail


def _binomial(n: int, q: float) -> npt.NDArray[np.float64]:
    """The probabilities of 0..n successes, by logarithms so that large n does not underflow to nothing."""
    if q <= 0 or q >= 1:
        raise ValueError(f"quantile: q must be between 0 and 1, got {q}.")
    steps = np.log(np.arange(n, 0, -1)) - np.log(np.arange(1, n + 1))
    logs = (
        np.concatenate([[0.0], np.cumsum(steps)])
        + np.arange(n + 1) * math.log(q)
        + np.arange(n, -1, -1) * math.log1p(-q)
    )
    found: npt.NDArray[np.float64] = np.exp(logs)
    return found


def _student(df: int) -> float:
    """The 97.5 % point of Student's t: a table, then the Cornish-Fisher series (error below 1e-5)."""
    if df <= len(_T):
        return _T[df - 1]
    z = _Z
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + math.fsum(term / float(df) ** (i + 1) for i, term in enumerate(terms))
