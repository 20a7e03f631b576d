"""Corruptions that know where a number stands: less contrast, and a view through frosted glass."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from advbench import Oracle, Perturbed, Streams, param

from .severities import CONTRAST, GLASS, SET_HELP, SEVERITY_HELP, Glass, set_for
from .within import corrupted

_TRUNCATE = 4.0  # standard deviations that a blur reaches


@dataclass(frozen=True)
class Contrast:
    """(x - m) c + m, with the mean m of each channel over the image or over time."""

    severity: int = param(3, ge=1, le=5, help=SEVERITY_HELP, paper="1 to 5, averaged")
    constants: Literal["auto", "cifar10", "tiny-imagenet", "imagenet", "mnist"] = param("auto", help=SET_HELP)

    def perturb(self, oracle: Oracle, x: Tensor, rng: Streams) -> Perturbed:
        """Asks nothing, draws nothing."""
        left = CONTRAST[set_for(self.constants, tuple(x.shape[1:]))][self.severity - 1]
        return corrupted("contrast", oracle, x, lambda u: less_contrast(u, left))


@dataclass(frozen=True)
class GlassBlur:
    """Blurred, shuffled pixel by pixel among near neighbours, and blurred again."""

    severity: int = param(3, ge=1, le=5, help=SEVERITY_HELP, paper="1 to 5, averaged")
    constants: Literal["auto", "cifar10", "tiny-imagenet", "imagenet", "mnist"] = param("auto", help=SET_HELP)
    exchange: Literal["auto", "swap", "copy"] = param(
        "auto", paper="swap",
        help="of a pixel with its neighbour; the released code copies in colour images: auto copies there, else swaps",
    )  # fmt: skip
    chance: float | None = param(
        None, ge=0, le=1, help="of each exchange; none: 1, or 1/2 with constants=mnist, as released"
    )

    def perturb(self, oracle: Oracle, x: Tensor, rng: Streams) -> Perturbed:
        """Asks nothing."""
        shape = tuple(x.shape[1:])
        glass = GLASS[set_for(self.constants, shape)][self.severity - 1]
        copies = self.exchange == "copy" or (self.exchange == "auto" and shape[0] > 1)
        chance = self.chance if self.chance is not None else (0.5 if self.constants == "mnist" else 1.0)
        rows, places = torch.arange(len(x), device=x.device), (glass.times, *scanned(shape, glass.reach))
        moves = rng.integers(rows, (*places, 2), 2 * glass.reach) - glass.reach  # the upper end is never reached
        skipped = rng.uniform(rows, places) >= chance
        moves[skipped] = 0
        return corrupted("glass-blur", oracle, x, lambda u: frosted(u, glass, moves, copies))


def less_contrast(u: Tensor, left: float) -> Tensor:
    """Images (N, C, H, W) or series (N, T, C) with that share of their contrast."""
    if u.dim() == 4:
        mean = u.flatten(2).mean(dim=2)[:, :, None, None]
    else:
        mean = u.transpose(1, 2).contiguous().mean(dim=2)[:, None]
    return ((u - mean) * left + mean).clamp(0, 1)


def scanned(shape: tuple[int, ...], reach: int) -> tuple[int, int]:
    """Rows and columns of pixels that are exchanged: all but the first `reach` + 1 and the last `reach` - 1."""
    return max(0, shape[1] - 2 * reach), max(0, shape[2] - 2 * reach)


def frosted(u: Tensor, glass: Glass, moves: Tensor, copies: bool) -> Tensor:
    """Images (N, C, H, W) seen through glass.

    moves: int64 (N, times, rows, columns, 2), from each scanned pixel, last first, down and across to
    the one that it is exchanged with.  copies: both get the neighbour's value.
    """
    grey = (blurred(u, glass.sigma) * 255).floor() / 255  # stored as bytes in between, cut off
    n, _, height, width = u.shape
    source = _shuffled(n, height, width, glass.reach, moves.cpu().numpy(), copies)
    index = torch.from_numpy(source).to(u.device)[:, None].expand(-1, u.shape[1], -1)
    shuffled = grey.flatten(2).gather(2, index).reshape(u.shape)
    return blurred(shuffled, glass.sigma).clamp(0, 1)


def _shuffled(n: int, height: int, width: int, reach: int, moves: np.ndarray, copies: bool) -> np.ndarray:
    """From where each pixel's value comes, int64 (N, height x width). Pixel after pixel, all images at once."""
    source = np.repeat(np.arange(height * width)[:, None], n, axis=1)
    each = np.arange(n)
    steps = moves[..., 0] * width + moves[..., 1]
    for turn in steps.transpose(1, 2, 3, 0):
        for i, line in enumerate(turn):
            for j, step in enumerate(line):
                here = (height - reach - i) * width + width - reach - j
                there = here + step
                value = source[there, each]
                if not copies:
                    source[there, each] = source[here]
                source[here] = value
    return np.ascontiguousarray(source.T)


def blurred(u: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of images (N, C, H, W); beyond the border the nearest pixel counts."""
    radius = int(_TRUNCATE * sigma + 0.5)
    if not radius:
        return u
    weights = [math.exp(-0.5 * (i / sigma) ** 2) for i in range(-radius, radius + 1)]
    for dim in (2, 3):
        size = u.shape[dim]
        # Sums of shifted images and no convolution: its last bits depend on how many images there are.
        at = [torch.arange(size, device=u.device).add(i).clamp(0, size - 1) for i in range(-radius, radius + 1)]
        parts = [weight / sum(weights) * u.index_select(dim, i) for weight, i in zip(weights, at, strict=True)]
        u = functools.reduce(torch.add, parts)
    return u
