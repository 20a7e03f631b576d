"""Points between an input and the boundary, by their angle."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .hunt import Hunt, dot, unit


def along_circle(hunt: Hunt, at: Tensor, normal: Tensor, rows: Tensor, halvings: int) -> Tensor:
    """Where the half circle over the line from the input to `at` leaves the wanted class, (R, d).

    The half circle lies in the plane of that line and `normal` (R, d), which points into the wanted
    class. If the boundary is flat, the circle meets it at the point nearest to the input (Thales).
    The angle is bisected: 0 is `at`, a right angle is the input.
    """
    x0, way = hunt.x0[rows], at - hunt.x0[rows]
    length, ahead = way.norm(dim=1, keepdim=True), unit(way)
    aside = unit(normal - dot(normal, ahead) * ahead)
    reached = at.clone()
    low = torch.zeros(len(rows), 1, dtype=torch.float64, device=rows.device)
    high = torch.full_like(low, math.pi / 2)
    for _ in range(halvings):
        angle = (low + high) / 2
        tried = hunt.placed(x0 + length * angle.cos() * (angle.cos() * ahead + angle.sin() * aside))
        hit = hunt.met(tried, rows).unsqueeze(1)
        reached = torch.where(hit, tried, reached)
        low, high = torch.where(hit, angle, low), torch.where(hit, high, angle)
    return reached
