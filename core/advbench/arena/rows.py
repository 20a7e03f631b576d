"""Which points of a call belong to which row: index work on small arrays of the host."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]
Sizes: TypeAlias = NDArray[np.float64]


def outside(rows: Ints, n: int) -> bool:
    """Whether some are no row of n. Read without a sign, negative ones are the largest."""
    return len(rows) > 0 and bool(rows.view(np.uint64).max() >= n)


def rank_within_row(rows: Ints) -> Ints | int:
    """How many earlier points of this call belong to the same row, int64 (M,), or 0 for all."""
    if _apart(rows):
        return 0
    order = rows.argsort(kind="stable")
    count = np.bincount(rows)
    begin = count.cumsum() - count
    rank = np.empty_like(rows)
    rank[order] = np.arange(len(rows)) - begin[rows[order]]
    return rank


def first_per_row(rows: Ints, key: Sizes, n: int) -> Ints:
    """Indices of the point with the smallest key of each of n rows, by row; ties go to the earlier point."""
    if _apart(rows):
        return np.arange(len(rows))
    least = np.full(n, np.inf)
    np.minimum.at(least, rows, key)
    backwards = (key == least[rows]).nonzero()[0][::-1]  # of those written to one place the last stays
    first = np.full(n, -1)
    first[rows[backwards]] = backwards
    return first[first >= 0]


def _apart(rows: Ints) -> bool:
    """Whether they ascend without repeats: the usual case, told cheaply."""
    return bool((rows[1:] > rows[:-1]).all())


def blocks(index: Ints, size: int) -> list[Ints]:
    """Pieces of that size; the last is of up to twice as many: sums over a large input, alone, round otherwise."""
    stops = [*range(size, len(index) - size + 1, size), len(index)]
    return [index[start:stop] for start, stop in zip([0, *stops], stops, strict=False)]


def take(points: Any, index: Ints) -> Any:
    """Those points of a tensor, or of a tuple or list of str."""
    if isinstance(points, (tuple, list)):
        return tuple(points[i] for i in index.tolist())
    return points.index_select(0, torch.from_numpy(index).to(points.device))
