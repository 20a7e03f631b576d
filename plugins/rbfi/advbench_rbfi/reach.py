"""How far inputs are from the centres of units, and what flows back: fused on CPU, in chunks elsewhere.

y_bj = max_i z_bji (linf) or sum_i z_bji (l2), z_bji = (u_ji (x_bi - w_ji))^2: the paper's squared norm of u o (x - w).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from . import kernels
from .lanes import LANES

Norm: TypeAlias = Literal["linf", "l2"]
_CHUNK = 1 << 22  # numbers held at once where nothing is fused


class Workers:
    """Runs a kernel over spans of units or inputs in so many threads. The number changes nothing but the time."""

    def __init__(self, pool: ThreadPoolExecutor | None = None, threads: int = 1) -> None:
        self._pool, self._threads = pool, threads

    def spread(self, work: Callable[[int, int], None], count: int, step: int = 1) -> None:
        """Call work(first, last) until all of range(count) is done; spans begin at multiples of `step`."""
        pieces = -(-count // step)
        share = -(-pieces // self._threads) * step
        spans = [(start, min(count, start + share)) for start in range(0, count, share)]
        if self._pool is None or len(spans) == 1:
            for first, last in spans:
                work(first, last)
        else:
            for done in [self._pool.submit(work, first, last) for first, last in spans]:
                done.result()


@contextmanager
def workers(threads: int) -> Iterator[Workers]:
    """Workers for as long as a training lasts."""
    if threads <= 1:
        yield Workers()
        return
    with ThreadPoolExecutor(threads) as pool:
        yield Workers(pool, threads)


def reach(x: Tensor, u: Tensor, w: Tensor, norm: Norm, k: float | None, crew: Workers) -> Tensor:
    """x (B, n), u and w (m, n) -> y (B, m).

    k: what flows back through a maximum. None is its true derivative: the first input that attains it gets all. Else
    every input gets exp(k (z_i - y)) of it, eq. 11 of the paper for k = 1. It cannot be differentiated twice.
    """
    y: Tensor = _Reach.apply(x, u, w, norm, k, crew)  # type: ignore[no-untyped-call]
    return y


class _Reach(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, u: Tensor, w: Tensor, norm: Norm, k: float | None, crew: Workers) -> Tensor:
        y = _fused_reach(x, u, w, norm, crew) if fusible(x) else _chunked_reach(x, u, w, norm)
        ctx.save_for_backward(x, u, w, y)
        ctx.k, ctx.crew = 0.0 if norm == "l2" else k, crew  # a sum hands all of it to every input: exp(0)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        x, u, w, y = ctx.saved_tensors
        if not fusible(x):
            return (*_chunked_back(x, u, w, y, grad, ctx.k), None, None, None)
        if ctx.k is None:
            of_weights = any(ctx.needs_input_grad[1:3])
            return (*_single_back(x, u, w, y, grad, ctx.crew, of_weights), None, None, None)
        return (*_shared_back(x, u, w, y, grad, ctx.k, ctx.crew), None, None, None)


def fusible(x: Tensor) -> bool:
    """Whether the kernels can work on such numbers."""
    return x.device.type == "cpu" and x.dtype == torch.float32


def _filled(part: Tensor, rows: int = 1) -> Tensor:
    """In C order, the last axis filled up to whole lanes by zeros, and the first to a multiple of rows: these add
    nothing to any maximum or sum."""
    wanted = (0, -part.shape[1] % LANES, 0, -part.shape[0] % rows)
    return F.pad(part.detach(), wanted) if any(wanted) else part.detach().contiguous()


def _fused_reach(x: Tensor, u: Tensor, w: Tensor, norm: Norm, crew: Workers) -> Tensor:
    y = x.new_empty(len(x), len(u))
    arrays = [part.numpy() for part in (*map(_filled, (x, u, w)), y)]
    loop = kernels.largest if norm == "linf" else kernels.total
    crew.spread(lambda first, last: loop(*arrays, first, last), len(u))
    return y


def _shared_back(
    x: Tensor, u: Tensor, w: Tensor, y: Tensor, grad: Tensor, k: float, crew: Workers
) -> tuple[Tensor, Tensor, Tensor]:
    units, inputs = u.shape
    blocks = _filled(x).view(len(x), -1, LANES).transpose(0, 1).contiguous()
    u, w = _filled(u, 2), _filled(w, 2)
    flow, gu, gw = torch.zeros_like(blocks), torch.empty_like(u), torch.empty_like(w)
    by_unit = [F.pad(part.t(), (0, 0, 0, len(u) - units)).contiguous() for part in (y, 2 * grad)]
    given, taken = [part.numpy() for part in (blocks, u, w, *by_unit)], [part.numpy() for part in (flow, gu, gw)]
    crew.spread(lambda first, last: kernels.shared_back(*given, k, *taken, first, last), len(blocks))
    gx = flow.transpose(0, 1).flatten(1)
    return gx[:, :inputs], gu[:units, :inputs], gw[:units, :inputs]


def _single_back(
    x: Tensor, u: Tensor, w: Tensor, y: Tensor, grad: Tensor, crew: Workers, of_weights: bool
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    at = torch.empty(y.shape, dtype=torch.int64)
    arrays = [part.numpy() for part in (*map(_filled, (x, u, w)), y)]
    found = at.numpy()
    crew.spread(lambda first, last: kernels.first_largest(*arrays, found, first, last), len(u))
    own_u, own_w = u.gather(1, at.t()).t(), w.gather(1, at.t()).t()
    away = x.gather(1, at) - own_w
    pull = 2 * grad * own_u * away
    gx = torch.zeros_like(x).scatter_add_(1, at, pull * own_u)
    if not of_weights:
        return gx, None, None
    gu = torch.zeros_like(u).scatter_add_(1, at.t(), (pull * away).t())
    gw = torch.zeros_like(w).scatter_add_(1, at.t(), (-pull * own_u).t())
    return gx, gu, gw


def _spans(batch: int, u: Tensor) -> Iterator[slice]:
    """Units whose (batch, units, inputs) array is small enough to hold."""
    size = max(1, _CHUNK // max(1, batch * u.shape[1]))
    return (slice(start, start + size) for start in range(0, len(u), size))


def _chunked_reach(x: Tensor, u: Tensor, w: Tensor, norm: Norm) -> Tensor:
    parts = []
    for units in _spans(len(x), u):
        z = (u[units] * (x[:, None] - w[units])).square_()
        parts.append(z.amax(dim=2) if norm == "linf" else z.sum(dim=2))
    return torch.cat(parts, dim=1)


def _chunked_back(
    x: Tensor, u: Tensor, w: Tensor, y: Tensor, grad: Tensor, k: float | None
) -> tuple[Tensor, Tensor, Tensor]:
    gx, gu, gw = torch.zeros_like(x), torch.zeros_like(u), torch.zeros_like(w)
    for units in _spans(len(x), u):
        away = x[:, None] - w[units]
        t = u[units] * away
        z = t.square()
        if k is None:
            share = torch.zeros_like(z).scatter_(2, z.argmax(dim=2, keepdim=True), 1.0)
        else:
            share = (k * (z - y[:, units, None])).exp_()
        pull = 2 * grad[:, units, None] * share * t
        gu[units] = (pull * away).sum(dim=0)
        flow = pull * u[units]
        gw[units] = -flow.sum(dim=0)
        gx += flow.sum(dim=1)
    return gx, gu, gw


def reach_within(low: Tensor, high: Tensor, u: Tensor, w: Tensor, norm: Norm) -> tuple[Tensor, Tensor]:
    """Smallest and largest y over all x with low <= x <= high, (B, m) each; each is attained."""
    if fusible(low):
        least, most = low.new_empty(2, len(low), len(u)).unbind()
        arrays = [part.detach().contiguous().numpy() for part in (low, high, u, w, least, most)]
        (kernels.largest_within if norm == "linf" else kernels.total_within)(*arrays, 0, len(u))
        return least, most
    ends = []
    for units in _spans(len(low), u):
        before, behind = w[units] - low[:, None], high[:, None] - w[units]
        near = (u[units] * torch.maximum(-before, -behind).clamp_min_(0)).square_()
        far = (u[units] * torch.maximum(before, behind)).square_()
        ends.append([z.amax(dim=2) if norm == "linf" else z.sum(dim=2) for z in (near, far)])
    least, most = (torch.cat(parts, dim=1) for parts in zip(*ends, strict=True))
    return least, most
