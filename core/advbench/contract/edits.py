"""How many items must be inserted, deleted or replaced to turn one sequence into another."""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt
from operator import ne
from typing import Any


def edits(old: Sequence[Any], new: Sequence[Any]) -> int:
    """Levenshtein distance; items are compared by equality and must be hashable.

    Few edits cost about len + edits^2 steps (Ukkonen 1985), many cost len(new) operations on integers
    of len(old) bits (Myers 1999).
    """
    shared = min(len(old), len(new))
    start = next((i for i in range(shared) if old[i] != new[i]), shared)
    left = shared - start
    end = next((i for i in range(left) if old[-1 - i] != new[-1 - i]), left)
    old, new = old[start : len(old) - end], new[start : len(new) - end]
    known = set(old)
    strange = len(new) - sum(map(known.__contains__, new))  # each costs an edit
    if len(old) == len(new) and strange == sum(map(ne, old, new)):
        return strange
    if min(len(old), len(new)) <= 1 and strange == len(new):
        return max(len(old), len(new))
    few = _by_diagonals(old, new, isqrt(len(new)) + 1)  # with more, whole columns at a time are quicker
    return _by_bits(old, new) if few is None else few


def _by_diagonals(old: Sequence[Any], new: Sequence[Any], most: int) -> int | None:
    """The distance, or None if it is more than `most`: how far into `old` each diagonal gets with 0, 1, 2, … edits."""
    rows, columns = len(old), len(new)
    goal, middle = columns - rows, most + 1  # a diagonal is column - row; where in the lists the diagonal 0 is
    if abs(goal) > most:
        return None
    nothing = [-2] * (2 * most + 3)
    reach = nothing.copy()  # of each diagonal: rows done; one less than what no edit gives
    reach[middle] = -1
    for count in range(most + 1):
        further, spare = nothing.copy(), most - count
        for diagonal in range(max(-count, goal - spare), min(count, goal + spare) + 1):  # the others come too late
            at = middle + diagonal
            row = max(reach[at], reach[at + 1]) + 1  # replaced, or deleted
            if reach[at - 1] > row:  # inserted
                row = reach[at - 1]
            if row < 0 or row > rows or row + diagonal > columns:
                row = min(row, rows, columns - diagonal)
                if row < max(0, -diagonal):
                    continue
            while row < rows and row + diagonal < columns and old[row] == new[row + diagonal]:
                row += 1
            further[at] = row
        if further[middle + goal] == rows:
            return count
        reach = further
    return None


def _by_bits(old: Sequence[Any], new: Sequence[Any]) -> int:
    """A column of the textbook's table at a time, as steps up and down in the bits of two long integers."""
    if not old:
        return len(new)
    whole, last, count = (1 << len(old)) - 1, 1 << (len(old) - 1), len(old)
    places: dict[Any, int] = {}
    for place, item in enumerate(old):
        places[item] = places.get(item, 0) | 1 << place
    up, down = whole, 0
    for item in new:
        equal = places.get(item, 0)
        across = (((equal & up) + up) ^ up) | equal
        right, left = (down | ~(across | up)) & whole, up & across
        count += 1 if right & last else -1 if left & last else 0
        right, left = (right << 1 | 1) & whole, left << 1 & whole
        up, down = (left | ~(equal | down | right)) & whole, right & (equal | down)
    return count
