"""Two controls: doing nothing, and shaking at random. An attack that loses to them is broken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from advbench import LabelOracle, Norm, Oracle, Perturbed, Streams, param


@dataclass(frozen=True)
class Nothing:
    """Returns every example unchanged."""

    def perturb(self, oracle: Oracle, x: Any, rng: Streams) -> Perturbed:
        return Perturbed(x)


@dataclass(frozen=True)
class RandomNoise:
    """Draws from the edge of the allowed region: corners for linf, the sphere for l2.

    Without eps it looks for the smallest change: each draw has a random part of the size of
    the row's closest success so far, at first of the whole range.
    """

    draws: int = param(1000, ge=1, help="points tried per example", paper=200)

    def perturb(self, oracle: LabelOracle, x: Tensor, rng: Streams) -> Perturbed:
        out = x.clone()
        size = torch.full((len(x),), self._widest(oracle, x), device=x.device)
        for _ in range(self.draws):
            rows = oracle.live.nonzero().flatten()
            if not len(rows):
                break
            points = self._draw(oracle, x[rows], size[rows], rows, rng)
            hit = oracle.goal.met(oracle.labels(points, rows), rows)
            out[rows[hit]] = points[hit]
            if oracle.threat.eps is None:
                size[rows[hit]] = _length(points[hit] - x[rows[hit]], oracle.threat.norm)
        return Perturbed(out)

    def _widest(self, oracle: LabelOracle, x: Tensor) -> float:
        if oracle.threat.eps is not None:
            return oracle.threat.eps
        width = oracle.bounds.width if oracle.bounds else 1.0
        return width if oracle.threat.norm is Norm.LINF else width * float(x[0].numel() ** 0.5)

    def _draw(self, oracle: LabelOracle, x: Tensor, size: Tensor, rows: Tensor, rng: Streams) -> Tensor:
        direction = rng.normal(rows, x.shape[1:])
        corners = oracle.threat.norm is Norm.LINF
        direction = direction.sign() if corners else direction / _wide(_length(direction, Norm.L2), x)
        if oracle.threat.eps is None:
            size = size * rng.uniform(rows, ())
        points = x + _wide(size, x) * direction
        return oracle.bounds.clip(points) if oracle.bounds else points


def _length(change: Tensor, norm: Norm) -> Tensor:
    flat = change.flatten(1)
    return flat.abs().amax(dim=1) if norm is Norm.LINF else flat.norm(dim=1)


def _wide(per_row: Tensor, x: Tensor) -> Tensor:
    return per_row.reshape(-1, *[1] * (x.dim() - 1))
