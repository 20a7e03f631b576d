"""The direction in which a boundary point leaves the boundary, from labels around it. Noise is never stored."""

from __future__ import annotations

import torch
from torch import Tensor

from advbench import Norm, Streams

from .asking import Asking

AT_ONCE = 1 << 20  # numbers in a row's block of noise, at most
TOGETHER = 1 << 19  # numbers in the blocks of several rows that are asked in one call: more outgrow a core's cache
BLOCK = 64  # points of a row that are drawn together, if as many fit


def block(d: int) -> int:
    """Points of a row per draw. It depends on nothing else, so that a row's noise does not either."""
    return max(1, min(BLOCK, AT_ONCE // d))


def directions(
    asking: Asking, rng: Streams, rows: Tensor, here: Tensor, lengths: Tensor, planned: int, count: Tensor
) -> Tensor:
    """Unit directions (R, P, d) at the points `here` (R, d), one for each length of noise (R, P).

    Each is the average of noise, weighted by whether it ends in success, less the average of both
    (paper, equation 16). `planned` noises are drawn for each row, for all P alike; `count` (R,) of
    them are asked about. Entries that cannot be told are zero.
    """
    size, most = asking.geometry.d, block(asking.geometry.d)
    shape = (len(rows), lengths.shape[1], size)
    weighted, total = (torch.zeros(shape, dtype=torch.float64, device=here.device) for _ in range(2))
    score = torch.zeros(shape[:2], dtype=torch.float64, device=here.device)
    for start in range(0, planned, most):
        drawn = min(most, planned - start)
        for part in torch.split(torch.arange(len(rows), device=rows.device), max(1, TOGETHER // (drawn * size))):
            asked = (count[part] - start).clamp(0, drawn)
            noise = _noise(asking, rng, rows[part], drawn)
            for p in range(shape[1]):
                sums = _block(asking, rows[part], here[part], noise, lengths[part, p], asked, p + 1 == shape[1])
                weighted[part, p] += sums[0]
                total[part, p] += sums[1]
                score[part, p] += sums[2]
    n = count.clamp(min=1)[:, None]
    mean = (score / n)[..., None]
    # All answers alike: the average noise itself, towards where they succeed.
    way = torch.where(mean.abs() == 1, mean * total, weighted - mean * total)
    if asking.geometry.norm is Norm.LINF:
        return way.sign().to(here.dtype)
    length = way.square().sum(dim=-1, keepdim=True).sqrt()
    return (way / torch.where(length > 0, length, 1.0)).to(here.dtype)


def _noise(asking: Asking, rng: Streams, rows: Tensor, drawn: int) -> Tensor:
    """Noise of length one, (R, K, d)."""
    shape = (drawn, asking.geometry.d)
    if asking.geometry.norm is Norm.LINF:
        noise = rng.uniform(rows, shape).mul_(2).sub_(1)
    else:
        noise = rng.normal(rows, shape)
    noise = noise.to(asking.x0.dtype)
    length = torch.linalg.vector_norm(noise, dim=-1, keepdim=True)
    return noise.div_(length.clamp_(min=1e-30))


def _block(
    asking: Asking, rows: Tensor, here: Tensor, noise: Tensor, length: Tensor, asked: Tensor, last: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Sums over the noises asked about: of sign x change and of change, (R, d), and of the signs, (R,)."""
    drawn = noise.shape[1]
    length = length.to(noise.dtype)[:, None, None]
    # Separate operations, each exactly rounded: a fused one would depend on the place in the batch.
    points = (noise.mul_(length) if last else noise * length).add_(here[:, None])
    asking.geometry.clip_(points)
    everyone = bool((asked == drawn).all())
    who = rows.repeat_interleave(drawn)
    if everyone:
        hit = asking.met(points.flatten(0, 1), who).reshape(-1, drawn)
        sign = hit.to(points.dtype).mul_(2).sub_(1)
    else:
        chosen = torch.arange(drawn, device=rows.device) < asked[:, None]
        hit = torch.zeros_like(chosen)
        hit[chosen] = asking.met(points[chosen], who.reshape(-1, drawn)[chosen])
        sign = hit.to(points.dtype).mul_(2).sub_(1).mul_(chosen)
    change = points.sub_(here[:, None])  # what was really asked: clipped, and rounded
    if not everyone:
        change.mul_(chosen[..., None])
    total = change.sum(dim=1)
    return change.mul_(sign[..., None]).sum(dim=1), total, sign.sum(dim=1)
