"""Sorting of projections."""

from __future__ import annotations

import numpy as np

from . import Float32, UInt32, kernel


@kernel
def ascending(values: Float32) -> UInt32:
    """Return the stable ascending order of (m,) float32 without NaN: radix sort in four passes of 8 bits."""
    size = values.size
    bits = values.view(np.uint32)
    items, moved = np.empty(size, np.uint64), np.empty(size, np.uint64)
    starts = np.zeros((4, 257), np.uint32)
    for i in range(size):
        # IEEE floats sort as unsigned integers once negatives are inverted and the others lifted above them.
        key = np.uint64(np.uint32(~bits[i] if bits[i] >> np.uint32(31) else bits[i] | np.uint32(1 << 31)))
        items[i] = key << np.uint64(32) | np.uint64(i)
        for part in range(4):
            starts[part, np.uint64(1) + (key >> np.uint64(8 * part) & np.uint64(255))] += 1
    for part in range(4):
        for digit in range(256):
            starts[part, digit + 1] += starts[part, digit]
        for i in range(size):
            digit = items[i] >> np.uint64(32 + 8 * part) & np.uint64(255)
            place = starts[part, digit]
            moved[place] = items[i]
            starts[part, digit] = place + 1
        items, moved = moved, items
    order = np.empty(size, np.uint32)
    for i in range(size):
        order[i] = np.uint32(items[i])
    return order


@kernel
def in_order(values: Float32, order: UInt32) -> Float32:
    """Return the values, sorted."""
    ordered = np.empty(values.size, np.float32)
    for i in range(values.size):
        ordered[i] = values[order[i]]
    return ordered
