"""What a network looks at: SmoothGrad maps (eq. 8) and pictures of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image
from torch import Generator, Tensor

from advbench import Bounds

_GAP = 2  # pixels between pictures
_BRIGHTEST = 0.99  # quantile of a map that is shown white: single pixels would leave the rest black
_LEAST = 96  # pixels that a picture's side is enlarged to


def smoothgrad(
    scores: Callable[[Tensor], Tensor], x: Tensor, y: Tensor, bounds: Bounds, generator: Generator, *,
    spread: float = 0.15, draws: int = 25,
) -> Tensor:  # fmt: skip
    """Mean over draws of (d score_y / d x)^2 at x + N(0, spread^2), summed over channels: (N, C, H, W) -> (N, H, W).

    scores: (N, C, H, W) -> (N, K), differentiable.  spread: in parts of the bounds' width.
    """
    total = torch.zeros_like(x)
    rows = torch.arange(len(x), device=x.device)
    for _ in range(draws):
        moved = x + spread * bounds.width * torch.randn(x.shape, generator=generator).to(x.device)
        moved.requires_grad_(True)
        with torch.enable_grad():
            (slope,) = torch.autograd.grad(scores(moved)[rows, y].sum(), moved)
        total += slope.square()
    return total.sum(dim=1) / draws


def draw_picture(path: Path, x: Tensor, maps: Tensor, bounds: Bounds) -> None:
    """Write a PNG: pictures (N, C, H, W) in the upper row, their maps (N, H, W) below, brighter for larger."""
    top = _grid(
        (x - bounds.low) / bounds.width if x.shape[1] == 3 else _grey((x.mean(dim=1) - bounds.low) / bounds.width)
    )
    limit = maps.flatten(1).quantile(_BRIGHTEST, dim=1).clamp_min(torch.finfo(maps.dtype).tiny)
    bottom = _grid(_grey(maps / limit[:, None, None]))
    whole = torch.cat([top, torch.ones(3, _GAP, top.shape[2]), bottom], dim=1)
    pixels = (whole.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous()
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.numpy()).save(path)


def _grey(x: Tensor) -> Tensor:
    return x[:, None].expand(-1, 3, -1, -1)


def _grid(x: Tensor) -> Tensor:
    """(N, 3, H, W) -> (3, h, w): enlarged and side by side, with white between."""
    times = max(1, _LEAST // x.shape[-1])
    large = x.cpu().float().repeat_interleave(times, dim=2).repeat_interleave(times, dim=3)
    gap = torch.ones(3, large.shape[2], _GAP)
    return torch.cat([part for one in large for part in (one, gap)][:-1], dim=2)
