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

from . import kernels

Norm: TypeAlias = Literal["linf", "l2"]
BLOCK = 128  # inputs per call of the backward kernel, whatever the threads: a batch of such rows stays in the cache
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
        y = _fused_reach(x, u, w, norm, crew) if _fusible(x) else _chunked_reach(x, u, w, norm)
        ctx.save_for_backward(x, u, w, y)
        ctx.k, ctx.crew = 0.0 if norm == "l2" else k, crew  # a sum hands all of it to every input: exp(0)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        x, u, w, y = ctx.saved_tensors
        if not _fusible(x):
            return (*_chunked_back(x, u, w, y, grad, ctx.k), None, None, None)
        back = _single_back(x, u, w, y, grad, ctx.crew) if ctx.k is None else _shared_back(x, u, w, y, grad, ctx)
        return (*back, None, None, None)


def _fusible(x: Tensor) -> bool:
    return x.device.type == "cpu" and x.dtype == torch.float32


def _fused_reach(x: Tensor, u: Tensor, w: Tensor, norm: Norm, crew: Workers) -> Tensor:
    y = x.new_empty(len(x), len(u))
    arrays = [part.detach().contiguous().numpy() for part in (x, u, w, y)]
    loop = kernels.largest if norm == "linf" else kernels.total
    crew.spread(lambda first, last: loop(*arrays, first, last), len(u))
    return y


def _shared_back(x: Tensor, u: Tensor, w: Tensor, y: Tensor, grad: Tensor, ctx: Any) -> tuple[Tensor, Tensor, Tensor]:
    flows = torch.zeros_like(x), torch.zeros_like(u), torch.zeros_like(w)
    given = [part.detach().contiguous().numpy() for part in (x, u, w, y, grad)]
    taken = [part.numpy() for part in flows]

    def work(first: int, last: int) -> None:
        for start in range(first, last, BLOCK):
            kernels.shared_back(*given, ctx.k, *taken, start, min(last, start + BLOCK))

    ctx.crew.spread(work, x.shape[1], BLOCK)
    return flows


def _single_back(
    x: Tensor, u: Tensor, w: Tensor, y: Tensor, grad: Tensor, crew: Workers
) -> tuple[Tensor, Tensor, Tensor]:
    at = torch.empty(y.shape, dtype=torch.int64)
    arrays = [part.detach().contiguous().numpy() for part in (x, u, w, y)]
    found = at.numpy()
    crew.spread(lambda first, last: kernels.first_largest(*arrays, found, first, last), len(u))
    own_u, own_w = u.gather(1, at.t()).t(), w.gather(1, at.t()).t()
    away = x.gather(1, at) - own_w
    pull = 2 * grad * own_u * away
    gx = torch.zeros_like(x).scatter_add_(1, at, pull * own_u)
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
    if _fusible(low):
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
