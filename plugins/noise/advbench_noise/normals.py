"""Standard normals by number, compiled: each follows from (seed, pass, place, row, element), and none is kept.

Random words come from Threefry-4x32 with 13 rounds, a function of a counter and a key (Salmon et al., "Parallel
random numbers: as easy as 1, 2, 3", SC 2011), pairs of normals from pairs of words by Box and Muller (1958). What the
backward pass needs again is drawn again, which costs no more than writing and reading it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numba
import numpy as np
from numpy.typing import NDArray

Float32: TypeAlias = NDArray[np.float32]

_COUNTERS = 256  # of a tile, four normals each: 4 KiB, which the nearest cache holds
_FAST = {"contract"}
_LANES = 16  # counters that a processor may take at once
_PARITY = np.uint32(0x1BD11BDA)
_ANGLE = np.float32(np.pi / 2**32)  # radians per unit of 2^-32 half turns
_QUARTER, _HALF = np.uint32(1 << 30), np.uint32(1 << 31)  # of a turn
_UNIT, _MIDDLE = np.float32(2.0**-32), np.float32(2.0**-33)
_ROOT_HALF = np.int32(0x3F3504F3)  # bits of sqrt(1/2)
_LN2 = np.float32(0.6931471805599453)


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile without the GIL and keep the machine code on disk."""
    compiled: Callable[..., Any] = numba.njit(nogil=True, cache=True, fastmath=_FAST, error_model="numpy")(function)
    return compiled


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile into the kernels that call it: only what is inlined whole makes lanes."""
    compiled: Callable[..., Any] = numba.njit(forceinline=True, fastmath=_FAST, error_model="numpy")(function)
    return compiled


@inlined
def _rotated(word: Any, left: Any) -> Any:
    return np.uint32((word << np.uint32(left)) | (word >> np.uint32(32 - left)))


@inlined
def _round(a: Any, b: Any, c: Any, d: Any, one: Any, two: Any) -> Any:
    a, c = np.uint32(a + b), np.uint32(c + d)
    return a, np.uint32(_rotated(b, one) ^ a), c, np.uint32(_rotated(d, two) ^ c)


@inlined
def _four_rounds(a: Any, b: Any, c: Any, d: Any, one: Any, two: Any, three: Any, four: Any) -> Any:
    a, b, c, d = _round(a, b, c, d, one[0], one[1])
    a, d, c, b = _round(a, d, c, b, two[0], two[1])
    a, b, c, d = _round(a, b, c, d, three[0], three[1])
    a, d, c, b = _round(a, d, c, b, four[0], four[1])
    return a, b, c, d


@inlined
def threefry(a: Any, b: Any, c: Any, d: Any, k0: Any, k1: Any, k2: Any, k3: Any) -> Any:
    """Four random words from a counter and a key of four words each, all uint32."""
    k4 = np.uint32(k0 ^ k1 ^ k2 ^ k3 ^ _PARITY)
    a, b, c, d = np.uint32(a + k0), np.uint32(b + k1), np.uint32(c + k2), np.uint32(d + k3)
    a, b, c, d = _four_rounds(a, b, c, d, (10, 26), (11, 21), (13, 27), (23, 5))
    a, b, c, d = np.uint32(a + k1), np.uint32(b + k2), np.uint32(c + k3), np.uint32(d + k4 + np.uint32(1))
    a, b, c, d = _four_rounds(a, b, c, d, (6, 20), (17, 11), (25, 10), (18, 20))
    a, b, c, d = np.uint32(a + k2), np.uint32(b + k3), np.uint32(c + k4), np.uint32(d + k0 + np.uint32(2))
    a, b, c, d = _four_rounds(a, b, c, d, (10, 26), (11, 21), (13, 27), (23, 5))
    a, b, c, d = np.uint32(a + k3), np.uint32(b + k4), np.uint32(c + k0), np.uint32(d + k1 + np.uint32(3))
    return _round(a, b, c, d, 6, 20)


@inlined
def _radius(word: Any) -> Any:
    """sqrt(-2 ln u), u = (word + 1/2) / 2^32, at most 6.8: u = m 2^e, m in [sqrt(1/2), sqrt(2)), and a polynomial."""
    bits = np.float32(np.float32(word) * _UNIT + _MIDDLE).view(np.int32)
    e = np.int32(np.int32(bits - _ROOT_HALF) >> np.int32(23))
    t = np.int32(bits - np.int32(e << np.int32(23))).view(np.float32) - np.float32(1)
    p = np.float32(7.0376836292e-2)
    p = p * t + np.float32(-1.1514610310e-1)
    p = p * t + np.float32(1.1676998740e-1)
    p = p * t + np.float32(-1.2420140846e-1)
    p = p * t + np.float32(1.4249322787e-1)
    p = p * t + np.float32(-1.6668057665e-1)
    p = p * t + np.float32(2.0000714765e-1)
    p = p * t + np.float32(-2.4999993993e-1)
    p = p * t + np.float32(3.3333331174e-1)
    square = t * t
    log = p * t * square - np.float32(0.5) * square + t + np.float32(e) * _LN2
    return np.sqrt(np.float32(-2) * log)


@inlined
def _sine_and_cosine(word: Any) -> Any:
    """Of 2 pi word / 2^32, to 1e-7: Taylor's series within a quarter of a turn, and a sign for the other half."""
    t = np.float32(np.int32(np.uint32(word << np.uint32(1)))) * _ANGLE
    z = t * t
    sine = np.float32(-1 / 39916800) * z + np.float32(1 / 362880)
    sine = (sine * z + np.float32(-1 / 5040)) * z + np.float32(1 / 120)
    sine = (sine * z + np.float32(-1 / 6)) * z * t + t
    cosine = np.float32(1 / 479001600) * z + np.float32(-1 / 3628800)
    cosine = (cosine * z + np.float32(1 / 40320)) * z + np.float32(-1 / 720)
    cosine = ((cosine * z + np.float32(1 / 24)) * z + np.float32(-0.5)) * z + np.float32(1)
    sign = np.uint32(np.uint32(word + _QUARTER) & _HALF)
    return _signed(sine, sign), _signed(cosine, sign)


@inlined
def _signed(number: Any, sign: Any) -> Any:
    return np.uint32(np.float32(number).view(np.uint32) ^ sign).view(np.float32)


@inlined
def _whole(size: int) -> int:
    """Numbers to draw for so many: whole lanes of counters."""
    return -(-size // (4 * _LANES)) * 4 * _LANES


@kernel
def _tile(out: Float32, start: int, row: Any, place: Any, number: Any, seed: int) -> None:
    """Write the numbers of a row from element `start` on."""
    k0, k1, none = np.uint32(seed & 0xFFFFFFFF), np.uint32(seed >> 32), np.uint32(0)
    row, place, number = np.uint32(row), np.uint32(place), np.uint32(number)
    first, many = np.uint32(start // 4), out.size // 4
    for i in range(many):
        a, b, c, d = threefry(np.uint32(first + np.uint32(i)), row, place, number, k0, k1, none, none)
        r = _radius(a)
        sine, cosine = _sine_and_cosine(b)
        out[i], out[many + i] = r * sine, r * cosine
        r = _radius(c)
        sine, cosine = _sine_and_cosine(d)
        out[2 * many + i], out[3 * many + i] = r * sine, r * cosine


@kernel
def fill(out: Float32, first: int, place: int, number: int, seed: int) -> None:
    """out (rows, elements), of the rows from `first` on."""
    tile = np.empty(4 * _COUNTERS, np.float32)
    for row in range(out.shape[0]):
        for start in range(0, out.shape[1], tile.size):
            part = out[row, start : start + tile.size]
            drawn = tile[: _whole(part.size)]
            _tile(drawn, start, first + row, place, number, seed)
            for i in range(part.size):
                part[i] = drawn[i]


@kernel
def add(v: Float32, level: Float32, place: int, number: int, seed: int) -> None:
    """v (rows, elements) += level (elements,) x the numbers."""
    tile = np.empty(4 * _COUNTERS, np.float32)
    for row in range(v.shape[0]):
        for start in range(0, level.size, tile.size):
            part, levels = v[row, start : start + tile.size], level[start : start + tile.size]
            drawn = tile[: _whole(part.size)]
            _tile(drawn, start, row, place, number, seed)
            for i in range(part.size):
                part[i] += levels[i] * drawn[i]


@kernel
def slope(delta: Float32, out: Float32, place: int, number: int, seed: int) -> None:
    """out (elements,) = the sum over rows of delta (rows, elements) x the numbers, added up in the rows' order."""
    tile = np.empty(4 * _COUNTERS, np.float32)
    for start in range(0, out.size, tile.size):
        total = out[start : start + tile.size]
        total[:] = 0
        drawn = tile[: _whole(total.size)]
        for row in range(delta.shape[0]):
            part = delta[row, start : start + tile.size]
            _tile(drawn, start, row, place, number, seed)
            for i in range(total.size):
                total[i] += part[i] * drawn[i]
