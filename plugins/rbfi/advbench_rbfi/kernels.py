"""The loops over (batch, units, inputs), compiled, float32, without ever holding such an array.

Of z_bji = (u_ji (x_bi - w_ji))^2 they make the maximum or the sum over i, and what flows back through it. A row's
numbers never depend on the rows beside it, nor any number on how the work is cut: each is added up in one order.
Arrays are in C order, and where not said otherwise the number of inputs is a multiple of LANES.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import numba
import numpy as np
from numpy.typing import NDArray

from .lanes import LANES, every, first_at_least, larger, largest_lane, load, scaled, store, sum_of_lanes

Float32: TypeAlias = NDArray[np.float32]
Int64: TypeAlias = NDArray[np.int64]

_FAST = {"nnan", "nsz", "arcp", "contract", "reassoc"}  # sums in lanes; NaN never gets here, for inputs are checked
_NEAR = 16  # units whose weights stay in a near cache while the batch passes, four rows at a time
_LOG2E = np.float32(1.4426950408889634)
_SMALLEST = np.float32(-126)  # 2^-126 is the smallest normal float32
_WHOLE = np.float32(3 << 22)  # float32 near it have no fraction: adding it rounds, and the last bits spell the result
_ZERO, _ONE = np.float32(0), np.float32(1)
# 2^r for |r| <= 1/2 to 2e-7, and 1 at 0: the polynomial of degree 5 whose largest relative error is least
_P1, _P2, _P3, _P4, _P5 = (
    np.float32(c) for c in (0.6931470036, 0.2402224690, 0.0555071086, 0.0096712913, 0.0013269519)
)


def kernel(function: Callable[..., Any], freely: bool = False) -> Callable[..., Any]:
    """Compile without the GIL and keep the machine code on disk; freely: sums may be taken in another order."""
    fast = _FAST if freely else False
    compiled: Callable[..., Any] = numba.njit(nogil=True, cache=True, fastmath=fast, error_model="numpy")(function)
    return compiled


@kernel
def squared(x: Float32, at: int, u: Any, w: Any) -> Any:
    """z of the inputs from that place on; like x - w and u it is in lanes."""
    t = u * (load(x, at) - w)
    return t * t


@kernel
def power(v: Any, c: Any) -> Any:
    """2^(c v), in lanes; c v lies in [-126, 0]."""
    n = c * v + every(_WHOLE)
    r = c * v - (n - every(_WHOLE))
    p = every(_P5) * r + every(_P4)
    p = p * r + every(_P3)
    p = p * r + every(_P2)
    p = p * r + every(_P1)
    return scaled(p * r + every(_ONE), n)


@kernel
def largest(x: Float32, u: Float32, w: Float32, out: Float32, first: int, last: int) -> None:
    """out_bj = max_i z, for the units first to last."""
    batch, n = x.shape
    for near in range(first, last, _NEAR):
        for b in range(0, batch, 4):
            b1, b2, b3 = min(b + 1, batch - 1), min(b + 2, batch - 1), min(b + 3, batch - 1)
            for j in range(near, min(near + _NEAR, last)):
                top0 = top1 = top2 = top3 = every(_ZERO)
                for i in range(0, n, LANES):
                    uj, wj = load(u, j * n + i), load(w, j * n + i)
                    top0 = larger(squared(x, b * n + i, uj, wj), top0)
                    top1 = larger(squared(x, b1 * n + i, uj, wj), top1)
                    top2 = larger(squared(x, b2 * n + i, uj, wj), top2)
                    top3 = larger(squared(x, b3 * n + i, uj, wj), top3)
                out[b, j], out[b1, j] = largest_lane(top0), largest_lane(top1)
                out[b2, j], out[b3, j] = largest_lane(top2), largest_lane(top3)


@kernel
def total(x: Float32, u: Float32, w: Float32, out: Float32, first: int, last: int) -> None:
    """out_bj = sum_i z, for the units first to last."""
    batch, n = x.shape
    for near in range(first, last, _NEAR):
        for b in range(0, batch, 4):
            b1, b2, b3 = min(b + 1, batch - 1), min(b + 2, batch - 1), min(b + 3, batch - 1)
            for j in range(near, min(near + _NEAR, last)):
                sum0 = sum1 = sum2 = sum3 = every(_ZERO)
                for i in range(0, n, LANES):
                    uj, wj = load(u, j * n + i), load(w, j * n + i)
                    sum0 = sum0 + squared(x, b * n + i, uj, wj)
                    sum1 = sum1 + squared(x, b1 * n + i, uj, wj)
                    sum2 = sum2 + squared(x, b2 * n + i, uj, wj)
                    sum3 = sum3 + squared(x, b3 * n + i, uj, wj)
                out[b, j], out[b1, j] = sum_of_lanes(sum0), sum_of_lanes(sum1)
                out[b2, j], out[b3, j] = sum_of_lanes(sum2), sum_of_lanes(sum3)


@kernel
def pull(here: Any, u: Any, w: Any, top: Any, twice: Any, least: Any, factor: Any) -> tuple[Any, Any]:
    """(what flows back to z times dz/dx / u, x - w), in lanes; twice is twice the grad."""
    d = here - w
    t = u * d
    return twice * power(larger(t * t - top, least), factor) * t, d


@kernel
def shared_back(
    x: Float32, u: Float32, w: Float32, y: Float32, twice: Float32, k: float,
    gx: Float32, gu: Float32, gw: Float32, first: int, last: int,
) -> None:  # fmt: skip
    """What flows back to the inputs LANES first to LANES last, each z_bji receiving grad_bj exp(k (z_bji - y_bj)).

    x, gx: (blocks, B, LANES), gx zeros.  y, twice: (m, B), y at least z, twice the grad.  m is even: two units look at
    an input together.  k = 0 is the derivative of a sum.
    """
    units, batch = y.shape
    n = u.shape[1]
    c = _LOG2E * np.float32(k)
    factor, least = every(c), every(_SMALLEST / c)
    for block in range(first, last):
        for j in range(0, units, 2):
            own = j * n + block * LANES
            other = own + n
            u0, w0, u1, w1 = load(u, own), load(w, own), load(u, other), load(w, other)
            to_u0 = to_w0 = to_u1 = to_w1 = every(_ZERO)
            for b in range(batch):
                at = (block * batch + b) * LANES
                here = load(x, at)
                a0, d0 = pull(here, u0, w0, every(y[j, b]), every(twice[j, b]), least, factor)
                a1, d1 = pull(here, u1, w1, every(y[j + 1, b]), every(twice[j + 1, b]), least, factor)
                store(gx, at, load(gx, at) + a0 * u0 + a1 * u1)
                to_u0, to_w0 = to_u0 + a0 * d0, to_w0 - a0
                to_u1, to_w1 = to_u1 + a1 * d1, to_w1 - a1
            store(gu, own, to_u0)
            store(gw, own, to_w0 * u0)
            store(gu, other, to_u1)
            store(gw, other, to_w1 * u1)


@kernel
def first_largest(x: Float32, u: Float32, w: Float32, y: Float32, out: Int64, first: int, last: int) -> None:
    """out_bj = the first i at which z attains its maximum y_bj, for the units first to last; 0 where z is NaN."""
    batch, n = x.shape
    for j in range(first, last):
        for b in range(batch):
            top, at = every(y[b, j]), 0
            for i in range(0, n, LANES):
                lane = first_at_least(squared(x, b * n + i, load(u, j * n + i), load(w, j * n + i)), top)
                if lane < LANES:
                    at = i + lane
                    break
            out[b, j] = at


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


@partial(kernel, freely=True)
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
