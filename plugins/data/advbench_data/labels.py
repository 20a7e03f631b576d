"""Labels of any kind become 0..K-1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from advbench import DataError

_MOST = 10_000  # classes; more look like a regression target or an id


def numbered(who: str, labels: Sequence[Any]) -> tuple[np.ndarray[Any, np.dtype[np.int64]], list[str]]:
    """(int64 (N,), the names of classes 0, 1, …). Numbers are ordered as numbers, all else as text.

    They need not be contiguous: -7 and 40 are classes 0 and 1. Raises DataError if there are fewer than two classes,
    more than 10,000, or fractions.
    """
    plain = [label.item() if isinstance(label, np.generic) else label for label in labels]
    numeric = all(isinstance(label, (int, float)) for label in plain)
    if numeric and any(isinstance(label, float) and not label.is_integer() for label in plain):
        raise DataError(f"{who}: labels must be whole numbers or words, got fractions. Choose another label column.")
    values = [int(label) for label in plain] if numeric else [str(label) for label in plain]
    known = sorted(set(values))  # type: ignore[type-var]
    if len(known) < 2:
        raise DataError(f"{who}: it must have at least two classes, got {known}. A contest needs two.")
    if len(known) > _MOST:
        raise DataError(
            f"{who}: it must have at most {_MOST:,} classes, got {len(known):,}. Choose another label column."
        )
    where = {label: number for number, label in enumerate(known)}
    return np.array([where[value] for value in values], dtype=np.int64), [str(label) for label in known]
