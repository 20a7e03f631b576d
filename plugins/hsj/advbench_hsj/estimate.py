"""The direction in which a boundary point leaves the boundary, from labels around it. Noise is never stored."""

from __future__ import annotations

import torch
from torch import Tensor

from advbench import Norm

from .asking import AT_ONCE, Asking
from .draws import WalkStreams

TOGETHER = 1 << 19  # numbers that several walks ask in one call: more outgrow a core's cache
BLOCK = 64  # points of a walk that are drawn together, if as many fit


def block(d: int) -> int:
    """Points of a walk per draw. It depends on nothing else, so that a walk's noise does not either."""
    return max(1, min(BLOCK, AT_ONCE // d))


def directions(
    asking: Asking, rng: WalkStreams, walks: Tensor, here: Tensor, lengths: Tensor, planned: int, count: Tensor
) -> Tensor:
    """Unit directions (M, P, d) at the points `here` (M, d), one for each length of noise (M, P).

    Each is the average of noise, weighted by whether it ends in success, less the average of both
    (paper, equation 16). `planned` noises are drawn for each walk, for all P alike; `count` (M,) of
    them are asked about. Entries that cannot be told are zero.
    """
    size, most = asking.geometry.d, block(asking.geometry.d)
    shape = (*lengths.shape, size)
    weighted, total = (torch.zeros(shape, dtype=torch.float64, device=here.device) for _ in range(2))
    score = torch.zeros(shape[:2], dtype=torch.float64, device=here.device)
    for start in range(0, planned, most):
        drawn = min(most, planned - start)
        together = max(1, TOGETHER // (drawn * shape[1] * size))
        for first in range(0, shape[0], together):
            part = slice(first, first + together)
            asked = (count[part] - start).clamp(0, drawn)
            noise = _noise(asking, rng, walks[part], drawn)
            sums = _block(asking, walks[part], here[part], noise, lengths[part], asked)
            weighted[part] += sums[0]
            total[part] += sums[1]
            score[part] += sums[2]
    mean = (score / count.clamp(min=1)[:, None])[..., None]
    # All answers alike: the average noise itself, towards where they succeed.
    way = torch.where(mean.abs() == 1, mean * total, weighted - mean * total)
    if asking.geometry.norm is Norm.LINF:
        return way.sign().to(here.dtype)
    length = way.square().sum(dim=-1, keepdim=True).sqrt()
    return (way / torch.where(length > 0, length, 1.0)).to(here.dtype)


def _noise(asking: Asking, rng: WalkStreams, walks: Tensor, drawn: int) -> Tensor:
    """Noise of length one, (M, K, d)."""
    shape = (drawn, asking.geometry.d)
    if asking.geometry.norm is Norm.LINF:
        noise = rng.uniform(walks, shape).mul_(2).sub_(1)
    else:
        noise = rng.normal(walks, shape)
    noise = noise.to(asking.x0.dtype)
    length = torch.linalg.vector_norm(noise, dim=-1, keepdim=True)
    return noise.div_(length.clamp_(min=1e-30))


def _block(
    asking: Asking, walks: Tensor, here: Tensor, noise: Tensor, lengths: Tensor, asked: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Sums over the noises asked about: of sign x change and of change, (M, P, d), and of the signs, (M, P)."""
    here, lengths = here[:, None, None], lengths.to(noise.dtype)[..., None, None]
    # Separate operations, each exactly rounded: a fused one would depend on the place in the batch.
    points = asking.geometry.clip_((noise[:, None] * lengths).add_(here))
    who = walks[:, None, None].expand(points.shape[:3])
    if bool((asked == points.shape[2]).all()):
        hit = asking.met(points.flatten(0, 2), who.flatten()).reshape(who.shape)
        sign = hit.to(points.dtype).mul_(2).sub_(1)
        change = points.sub_(here)  # what was really asked: clipped, and rounded
    else:
        chosen = (torch.arange(points.shape[2], device=walks.device) < asked[:, None])[:, None].expand(who.shape)
        hit = torch.zeros_like(chosen)
        hit[chosen] = asking.met(points[chosen], who[chosen])
        sign = hit.to(points.dtype).mul_(2).sub_(1).mul_(chosen)
        change = points.sub_(here).mul_(chosen[..., None])
    total = change.sum(dim=2)
    return change.mul_(sign[..., None]).sum(dim=2), total, sign.sum(dim=2)
