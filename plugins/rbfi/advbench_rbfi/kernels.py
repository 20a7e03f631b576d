"""The loops over (batch, units, inputs), compiled, float32, without ever holding such an array.

Of z_bji = (u_ji (x_bi - w_ji))^2 they make the maximum or the sum over i, and what flows back through it. A row's
numbers never depend on the rows beside it, nor any number on how the work is cut: each is added up in one order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numba
import numpy as np
from numpy.typing import NDArray

Float32: TypeAlias = NDArray[np.float32]
Int64: TypeAlias = NDArray[np.int64]

_FAST = {"nnan", "nsz", "arcp", "contract", "reassoc"}  # sums in lanes; NaN never gets here, for inputs are checked
LANES = 64  # inputs looked at together when searching a maximum
_LOG2E, _LN2_HIGH, _LN2_LOW = np.float32(1.4426950408889634), np.float32(0.693359375), np.float32(-2.12194440e-4)
_SMALLEST = np.float32(-87.0)  # below it exp is no normal float32


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile without the GIL and keep the machine code on disk."""
    compiled: Callable[..., Any] = numba.njit(nogil=True, cache=True, fastmath=_FAST, error_model="numpy")(function)
    return compiled


@kernel
def exp(v: Any) -> Any:
    """e^v for float32 v <= 0, to 2e-7: 2^n times a polynomial, in plain operations that vectorise."""
    v = max(v, _SMALLEST)
    n = np.floor(v * _LOG2E + np.float32(0.5))
    r = v - n * _LN2_HIGH - n * _LN2_LOW
    p = np.float32(1 / 5040)
    p = p * r + np.float32(1 / 720)
    p = p * r + np.float32(1 / 120)
    p = p * r + np.float32(1 / 24)
    p = p * r + np.float32(1 / 6)
    p = p * r + np.float32(0.5)
    p = p * r + np.float32(1)
    p = p * r + np.float32(1)
    return p * np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(np.float32)


@kernel
def largest(x: Float32, u: Float32, w: Float32, out: Float32, first: int, last: int) -> None:
    """out_bj = max_i z, for the units first to last."""
    bits = out.view(np.int32)  # floats >= 0 rank as their bits do, and of whole numbers the compiler makes lanes
    for j in range(first, last):
        uj, wj = u[j], w[j]
        for b in range(x.shape[0]):
            row = x[b]
            best = np.int32(0)
            for i in range(row.size):
                t = uj[i] * (row[i] - wj[i])
                best = max(best, np.float32(t * t).view(np.int32))
            bits[b, j] = best


@kernel
def total(x: Float32, u: Float32, w: Float32, out: Float32, first: int, last: int) -> None:
    """out_bj = sum_i z, for the units first to last."""
    for j in range(first, last):
        uj, wj = u[j], w[j]
        for b in range(x.shape[0]):
            row = x[b]
            amount = np.float32(0)
            for i in range(row.size):
                t = uj[i] * (row[i] - wj[i])
                amount += t * t
            out[b, j] = amount


@kernel
def shared_back(
    x: Float32, u: Float32, w: Float32, y: Float32, grad: Float32, k: float,
    gx: Float32, gu: Float32, gw: Float32, first: int, last: int,
) -> None:  # fmt: skip
    """Add what flows back to the inputs first to last, each z_bji receiving grad_bj exp(k (z_bji - y_bj)).

    k = 0 is the derivative of a sum.
    """
    k32 = np.float32(k)
    size = last - first
    for j in range(u.shape[0]):
        uj, wj, guj, gwj = u[j, first:last], w[j, first:last], gu[j, first:last], gw[j, first:last]
        for b in range(x.shape[0]):
            row, gxb = x[b, first:last], gx[b, first:last]
            g, top = np.float32(2) * grad[b, j], y[b, j]
            for i in range(size):
                d = row[i] - wj[i]
                t = uj[i] * d
                a = g * exp(k32 * (t * t - top)) * t
                guj[i] += a * d
                flow = a * uj[i]
                gwj[i] -= flow
                gxb[i] += flow


@kernel
def first_largest(x: Float32, u: Float32, w: Float32, y: Float32, out: Int64, first: int, last: int) -> None:
    """out_bj = the first i at which z attains its maximum y_bj, for the units first to last."""
    tops = y.view(np.int32)
    for j in range(first, last):
        uj, wj = u[j], w[j]
        for b in range(x.shape[0]):
            row, top = x[b], tops[b, j]
            start = 0
            while start + LANES < row.size:  # whole lanes without it are passed over at once
                best = np.int32(0)
                for i in range(start, start + LANES):
                    t = uj[i] * (row[i] - wj[i])
                    best = max(best, np.float32(t * t).view(np.int32))
                if best >= top:
                    break
                start += LANES
            i = start
            while i < row.size - 1:
                t = uj[i] * (row[i] - wj[i])
                if np.float32(t * t).view(np.int32) >= top:
                    break
                i += 1
            out[b, j] = i


@kernel
def largest_within(
    low: Float32, high: Float32, u: Float32, w: Float32, least: Float32, most: Float32, first: int, last: int
) -> None:
    """Bounds of max_i z over all x with low <= x <= high, for the units first to last; both are attained."""
    least_bits, most_bits = least.view(np.int32), most.view(np.int32)
    for j in range(first, last):
        uj, wj = u[j], w[j]
        for b in range(low.shape[0]):
            lows, highs = low[b], high[b]
            near, far = np.int32(0), np.int32(0)
            for i in range(lows.size):
                before, behind = wj[i] - lows[i], highs[i] - wj[i]
                t = uj[i] * max(np.float32(0), max(-before, -behind))
                near = max(near, np.float32(t * t).view(np.int32))
                t = uj[i] * max(before, behind)
                far = max(far, np.float32(t * t).view(np.int32))
            least_bits[b, j], most_bits[b, j] = near, far


@kernel
def total_within(
    low: Float32, high: Float32, u: Float32, w: Float32, least: Float32, most: Float32, first: int, last: int
) -> None:
    """The same of sum_i z."""
    for j in range(first, last):
        uj, wj = u[j], w[j]
        for b in range(low.shape[0]):
            lows, highs = low[b], high[b]
            near, far = np.float32(0), np.float32(0)
            for i in range(lows.size):
                before, behind = wj[i] - lows[i], highs[i] - wj[i]
                t = uj[i] * max(np.float32(0), max(-before, -behind))
                near += t * t
                t = uj[i] * max(before, behind)
                far += t * t
            least[b, j], most[b, j] = near, far
