"""Random draws inside compiled code: one SplitMix64 state per vote, uint64 (1,), no global generator."""

from __future__ import annotations

import numpy as np

from . import Bool, Int64, UInt32, UInt64, kernel


@kernel
def draw(state: UInt64, bound: int) -> int:
    """Draw from 0..bound-1 by SplitMix64; the bias of multiply-and-shift is at most bound / 2**32."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = (z ^ (z >> np.uint64(31))) >> np.uint64(32)
    return int(np.int64((z * np.uint64(bound)) >> np.uint64(32)))


@kernel
def draw_batch(state: UInt64, y: Bool, sizes: Int64, counts: Int64) -> UInt32:
    """Draw `sizes[k]` of the `counts[k]` rows of each class k, in row order: selection sampling, no replacement."""
    needed, left = sizes.copy(), counts.copy()
    rows = np.empty(y.size + 1, np.uint32)
    size = 0
    for i in range(y.size):
        k = np.int64(y[i])
        take = draw(state, left[k]) < needed[k]
        rows[size] = i
        size += take
        needed[k] -= take
        left[k] -= 1
    return rows[:size]


@kernel
def draw_coordinates(state: UInt64, permutation: Int64, count: int) -> Int64:
    """Draw `count` distinct coordinates in random order: a partial Fisher-Yates shuffle, in place."""
    for i in range(count):
        j = i + draw(state, permutation.size - i)
        permutation[i], permutation[j] = permutation[j], permutation[i]
    return permutation[:count]
