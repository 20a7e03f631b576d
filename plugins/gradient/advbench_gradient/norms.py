"""Sizes of changes, steepest directions, and the set of allowed points. Everything row by row, flat (R, d)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from advbench import Bounds, Norm, Streams

_HALVINGS = 30  # of the interval in which the L1 threshold lies: more than float32 can tell
_L0 = 1e-6  # of the range: a smaller change of a feature is none
TINY = 1e-30


def size(change: Tensor, norm: Norm, width: float) -> Tensor:
    """How large each row of `change` is, (R,); `width` is the range of the inputs."""
    if norm is Norm.LINF:
        return change.abs().amax(dim=1)
    if norm is Norm.L0:
        return (change.abs() > _L0 * width).sum(dim=1).to(change)
    length: Tensor = change.norm(p=1 if norm is Norm.L1 else 2, dim=1)
    return length


def dual_size(grad: Tensor, norm: Norm) -> Tensor:
    """How much a linear function of that gradient can gain per unit of change, (R,)."""
    if norm is Norm.LINF:
        return grad.abs().sum(dim=1)
    largest: Tensor = grad.abs().amax(dim=1) if norm is Norm.L1 else grad.norm(dim=1)
    return largest


def direction(grad: Tensor, norm: Norm) -> Tensor:
    """The papers' step of length one: sign(g), g / |g|_2 or g / |g|_1; zero rows stay zero."""
    if norm is Norm.LINF:
        return grad.sign()
    # Divided by its largest entry first: squares of small float32 gradients vanish.
    scaled = grad / grad.abs().amax(dim=1, keepdim=True).clamp(min=TINY)
    length: Tensor = scaled.norm(p=1 if norm is Norm.L1 else 2, dim=1, keepdim=True)
    return scaled / length.clamp(min=TINY)


def sparse_direction(grad: Tensor, points: Tensor, bounds: Bounds | None, share: float) -> Tensor:
    """An L1 step of length one, in equal parts on that share of the features whose gradients are largest.

    Features that stand at the bound they would have to cross do not count. (Tramèr and Boneh 2019.)
    """
    if bounds is not None:
        stuck = ((points <= bounds.low) & (grad < 0)) | ((points >= bounds.high) & (grad > 0))
        grad = grad.masked_fill(stuck, 0)
    count = max(1, round(share * grad.shape[1]))
    chosen = grad.abs().topk(count, dim=1).indices
    signs = grad.gather(1, chosen).sign()
    signs = signs / signs.abs().sum(dim=1, keepdim=True).clamp(min=1)
    return torch.zeros_like(grad).scatter_(1, chosen, signs)


@dataclass(frozen=True)
class Ball:
    """Inside the bounds and within eps (R, 1) of x0 (R, d).

    legacy: the lower edge of the Linf box is x0 + min(x0 - low, eps), as in the code released with
    rbfi-networks, where a sign is missing; an upper edge below it wins.
    """

    norm: Norm
    x0: Tensor
    eps: Tensor
    bounds: Bounds | None
    legacy: bool = False

    def pick(self, at: Tensor) -> Ball:
        """The same for some of the rows."""
        return replace(self, x0=self.x0[at], eps=self.eps[at])

    def project(self, points: Tensor) -> Tensor:
        """The nearest allowed points. For L2 clipped first and then shortened, which is allowed and leaves the
        whole of eps to features that can still move; the other way round they never get it."""
        change = points - self.x0
        if self.norm is Norm.LINF:
            change = self._into_box(change)
        elif self.norm is Norm.L2:
            change = self._clipped(change)
            change = change * (self.eps / change.norm(dim=1, keepdim=True).clamp(min=TINY)).clamp(max=1)
        else:
            change = self._into_l1(change)
        points = self.x0 + change
        return points if self.bounds is None else self.bounds.clip(points)

    def draw(self, rng: Streams, rows: Tensor) -> Tensor:
        """Uniform in the ball, then moved into the bounds, (R, d)."""
        d = self.x0.shape[1]
        if self.norm is Norm.LINF:
            change = 2 * rng.uniform(rows, (d,)) - 1
        else:
            change = rng.normal(rows, (d,))
            radius = rng.uniform(rows, (1,)) ** (1 / d)
            if self.norm is Norm.L1:  # exponential sizes of random sign lie evenly on the L1 sphere
                change = change.sign() * -torch.log1p(-rng.uniform(rows, (d,)))
            length = change.norm(p=1 if self.norm is Norm.L1 else 2, dim=1, keepdim=True)
            change = change / length.clamp(min=TINY) * radius
        return self.project(self.x0 + self.eps * change.to(self.x0))

    def _into_box(self, change: Tensor) -> Tensor:
        if not self.legacy or self.bounds is None:
            return torch.maximum(torch.minimum(change, self.eps), -self.eps)
        low = torch.minimum(self.x0 - self.bounds.low, self.eps)
        high = torch.minimum(self.bounds.high - self.x0, self.eps)
        return torch.minimum(torch.maximum(change, low), high)

    def _into_l1(self, change: Tensor) -> Tensor:
        """Exact: soft-thresholded and clipped, by the threshold at which eps is met (Croce and Hein 2021)."""
        low, high = torch.zeros_like(self.eps, dtype=torch.float64), change.abs().amax(dim=1, keepdim=True).double()
        outside = self._shrunk(change, low).abs().sum(dim=1, keepdim=True) > self.eps
        if not bool(outside.any()):
            return self._shrunk(change, low)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            too_far = self._shrunk(change, middle).abs().sum(dim=1, keepdim=True) > self.eps
            low, high = torch.where(too_far, middle, low), torch.where(too_far, high, middle)
        return self._shrunk(change, torch.where(outside, high, 0.0))

    def _shrunk(self, change: Tensor, threshold: Tensor) -> Tensor:
        shrunk = change.sign() * (change.abs() - threshold.to(change)).clamp(min=0)
        return self._clipped(shrunk)

    def _clipped(self, change: Tensor) -> Tensor:
        return change if self.bounds is None else self.bounds.clip(self.x0 + change) - self.x0
