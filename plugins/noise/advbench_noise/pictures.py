"""A picture of what a trained network looks at, named after its noise."""

from __future__ import annotations

import hashlib
from pathlib import Path

from advbench import DataError, Job

from .draws import from_generator
from .network import NoisyNetwork
from .saliency import draw_picture, smoothgrad
from .training import numbers

_SHOWN = 8


def look(folder: Path, network: NoisyNetwork, job: Job) -> Path:
    """Write `noise-<where>-<digest of sigma and weights>.png`: rightly classified examples of the tune split, and their
    SmoothGrad maps. Raises DataError where there are no pictures."""
    x, y = numbers(job.tune).to(job.device), job.tune.y.to(job.device)
    bounds = job.facts.bounds
    if x.dim() != 4 or not len(x) or bounds is None:
        raise DataError(f"noise: pictures must be of images, got inputs {tuple(x.shape)}. Leave pictures out.")
    draw = from_generator(job.rng.child("saliency").generator())
    x, y = x[:512], y[:512]
    right = (network.scores(x, draw).argmax(dim=1) == y).nonzero().flatten()
    shown = right[:_SHOWN] if len(right) else slice(0, _SHOWN)
    x, y = x[shown], y[shown]
    maps = smoothgrad(lambda points: network.scores(points, draw), x, y, bounds, job.rng.child("smooth").generator())
    name = hashlib.sha256(b"".join(p.detach().cpu().numpy().tobytes() for p in network.parameters())).hexdigest()[:8]
    path = folder / f"noise-{network.layout.where}-{name}.png"
    draw_picture(path, x.cpu(), maps.cpu(), bounds)
    return path
