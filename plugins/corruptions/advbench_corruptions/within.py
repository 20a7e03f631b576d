"""Corruptions in the units of the range, and cut to what the threat allows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

from advbench import Bounds, ContestError, Norm, Oracle, Perturbed

Corruption: TypeAlias = Callable[[Tensor], Tensor]
"""Inputs as shares of their range, (N, *shape) in [0, 1], to corrupted ones of the same kind."""

_HALVINGS = 40
_LARGEST = 1e6  # factor by which a noise may be enlarged to reach eps


def corrupted(who: str, oracle: Oracle, x: Tensor, corrupt: Corruption) -> Perturbed:
    """The corrupted inputs; where they leave the threat's eps, the farthest point inside on the way to them.

    Note `share`: how much of the corruption is left, 1 = all. Raises ContestError without bounds.
    """
    bounds = _bounds(who, oracle)
    whole = bounds.clip(bounds.low + corrupt((x - bounds.low) / bounds.width) * bounds.width)
    eps, change = oracle.threat.eps, whole - x
    share = torch.ones(len(x), dtype=x.dtype, device=x.device)
    if eps is not None and not math.isinf(eps):
        share = _share(change, oracle.threat.norm, eps, bounds)
    point = torch.where(_wide(share == 1, x), whole, bounds.clip(x + _wide(share, x) * change))
    return Perturbed(point, notes={"share": share})


def _share(change: Tensor, norm: Norm, eps: float, bounds: Bounds) -> Tensor:
    size = size_of(change, norm, bounds.width)
    if norm is Norm.L0:  # a smaller change of the same numbers is no smaller
        return (size <= eps).to(change)
    return (eps / size.clamp(min=1e-30)).clamp(max=1)


def enlarged(who: str, oracle: Oracle, x: Tensor, noise: Tensor) -> Perturbed:
    """x + s noise, clipped, with s per row such that the change has the threat's eps in its norm.

    Note `share`: s. Where the bounds leave too little room it is the farthest that noise can go.
    Raises ContestError without eps.
    """
    bounds, eps, norm = _bounds(who, oracle), oracle.threat.eps, oracle.threat.norm
    if eps is None or math.isinf(eps):
        got = "none" if eps is None else "inf"
        raise ContestError(f"{who}: match=eps must have a finite eps, got {got}. Give --eps, or leave match out.")
    low = torch.zeros(len(x), dtype=torch.float64, device=x.device)
    high = torch.full_like(low, _LARGEST)
    for _ in range(_HALVINGS):
        middle = torch.where(low > 0, (low * high).sqrt(), high * 1e-9)  # by factors, then between them
        too_far = size_of(_moved(x, noise, middle, bounds) - x, norm, bounds.width) > eps
        low, high = torch.where(too_far, low, middle), torch.where(too_far, middle, high)
    return Perturbed(_moved(x, noise, low, bounds), notes={"share": low})


def size_of(change: Tensor, norm: Norm, width: float) -> Tensor:
    """How large each row of `change` is, (N,), in the norm; `width` is the range of the inputs."""
    flat = change.flatten(1)
    if norm is Norm.LINF:
        return flat.abs().amax(dim=1)
    if norm is Norm.L0:
        return (flat.abs() > 1e-6 * width).sum(dim=1).to(change)
    length: Tensor = flat.norm(p=1 if norm is Norm.L1 else 2, dim=1)
    return length


def _moved(x: Tensor, noise: Tensor, factor: Tensor, bounds: Bounds) -> Tensor:
    return bounds.clip(x + _wide(factor.to(x), x) * noise)


def _bounds(who: str, oracle: Oracle) -> Bounds:
    if oracle.bounds is None:
        raise ContestError(f"{who}: inputs must have bounds, got none. Corruptions are shares of the range.")
    return oracle.bounds


def _wide(per_row: Tensor, x: Tensor) -> Tensor:
    return per_row.reshape(-1, *[1] * (x.dim() - 1))
