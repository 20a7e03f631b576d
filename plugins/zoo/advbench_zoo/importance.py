"""Importance sampling (paper, section 3.2.4): probe more often where the image has changed most."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

REGIONS = 8  # along each side of a channel
_LEAST = 1e-30  # regions without any change come last, in random order, never not at all


def regions(m: Tensor) -> Tensor:
    """Probabilities of the variables of m (R, C, h, w): the largest change in their region, summing to 1 per row.

    Rows without any change get equal ones.
    """
    h, w = m.shape[2:]
    tall, wide = max(1, h // REGIONS), max(1, w // REGIONS)
    peaks = F.max_pool2d(m.abs(), (tall, wide), ceil_mode=True)
    spread = peaks.repeat_interleave(tall, dim=2)[:, :, :h].repeat_interleave(wide, dim=3)[..., :w]
    total = spread.sum(dim=(1, 2, 3), keepdim=True)
    return torch.where(total > 0, spread / total, 1 / spread.shape[1:].numel())


def widened(chances: Tensor, side: int) -> Tensor:
    """Probabilities (R, C, s, s) over a larger side: each variable takes those of its nearest one."""
    at = torch.arange(side, device=chances.device) * chances.shape[2] // side
    wide = chances[:, :, at][..., at]
    return wide / wide.sum(dim=(1, 2, 3), keepdim=True)


def draw(chances: Tensor | None, uniform: Tensor, count: int) -> Tensor:
    """`count` different variables per row, int64 (R, count), drawn without replacement.

    chances: (R, k), or None for equal ones; uniform: (R, k) in [0, 1). The largest log(u) / p
    win, which is the Gumbel trick (Efraimidis and Spirakis 2006).
    """
    keys = uniform if chances is None else uniform.double().log() / chances.clamp(min=_LEAST)
    return keys.topk(count, dim=1).indices
