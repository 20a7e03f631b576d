"""Where Square looks next: one window of each row is changed as far as its ball allows (paper, Algorithms 2 and 3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

from advbench import Streams

from .layouts import Layout
from .pursuit import Pursuit

Proposal: TypeAlias = Callable[[Pursuit, Layout, Tensor, Tensor, int, Streams], Tensor]
"""(pursuit, layout, points (R, d), rows (R,), side, rng) -> points (R, d), inside bounds and balls."""

_NOTHING = 1e-6  # a direction shorter than this is none


def first_linf(pursuit: Pursuit, layout: Layout, rows: Tensor, rng: Streams) -> Tensor:
    """Stripes at full height."""
    return pursuit.project(pursuit.x0[rows] + pursuit.radius[rows, None] * layout.stripes(rng, rows), rows)


def first_l2(pursuit: Pursuit, layout: Layout, rows: Tensor, rng: Streams) -> Tensor:
    """Hills and valleys everywhere, of the radius together."""
    tiles = layout.tiles(rng, rows)
    return pursuit.project(
        pursuit.x0[rows] + pursuit.radius[rows, None] * tiles / tiles.norm(dim=1, keepdim=True), rows
    )


def propose_linf(
    pursuit: Pursuit, layout: Layout, points: Tensor, rows: Tensor, side: int, rng: Streams
) -> Tensor:  # fmt: skip
    """Both colours of a channel are eps away from the input; a window that has its new ones already gets the others."""
    at = layout.at(layout.window(rng, rows, side))
    old, x0 = points.gather(1, at), pursuit.x0[rows].gather(1, at)
    height = pursuit.radius[rows, None, None] * layout.signs(rng, rows, side)
    height = height.expand(-1, layout.channels, at.shape[1] // layout.channels).flatten(1)
    up, down = pursuit.clip(x0 + height), pursuit.clip(x0 - height)
    new = torch.where((up == old).all(dim=1, keepdim=True), down, up)
    return points.scatter(1, at, new)


def propose_l2(
    pursuit: Pursuit, layout: Layout, points: Tensor, rows: Tensor, side: int, rng: Streams
) -> Tensor:  # fmt: skip
    """One window loses its change to another, which also takes what the ball leaves, in the shape of a hill."""
    here, there = (layout.at(layout.window(rng, rows, side)) for _ in range(2))
    per_channel = (len(rows), layout.channels, -1)
    change = points - pursuit.x0[rows]
    unused = (pursuit.radius[rows].square() - change.square().sum(dim=1)).clamp(min=0)
    own = change.gather(1, here).reshape(per_channel)
    change = change.scatter(1, here, 0.0)
    lost = change.gather(1, there).reshape(per_channel)
    change = change.scatter(1, there, 0.0)
    length = own.norm(dim=2, keepdim=True)
    room = length.square() + lost.square().sum(dim=2, keepdim=True) + unused[:, None, None] / layout.channels
    hills = layout.hills(rng, rows, side)
    way = hills + torch.where(length > 0, own / length.clamp(min=1e-30), 0.0)
    size = way.norm(dim=2, keepdim=True)
    way = torch.where(size > _NOTHING, way / size.clamp(min=_NOTHING), hills)  # a hill may meet its own negative
    change = change.scatter(1, here, (way * room.sqrt()).flatten(1))
    return pursuit.project(pursuit.x0[rows] + change, rows)
