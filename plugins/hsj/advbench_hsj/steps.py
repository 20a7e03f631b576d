"""From a direction at a boundary point to points beyond the boundary."""

from __future__ import annotations

import torch
from torch import Tensor

from .asking import Asking
from .boundary import Nearest, closest, nearest

HALVINGS = 60
GRID = tuple(4.0**-i for i in range(6))  # of the distance, in falling order
MARGIN = 1e-3  # a grid's step must bring the point closer by that share
RESERVE = 40  # queries kept back for a step and a projection


def geometric(asking: Asking, walks: Tensor, here: Nearest, ways: Tensor, number: int) -> tuple[Nearest, Tensor]:
    """D / sqrt(t) along each way (M, P, d), halved until it succeeds (paper, Algorithm 2), then projected.

    Also the size of the step's point before it was projected, (M,).
    """
    geometry = asking.geometry
    length = (here.size / number**0.5)[:, None].expand(ways.shape[:2]).clone()
    wanted = ways.ne(0).any(dim=2)
    found, far = torch.zeros_like(wanted), here.point[:, None].expand(ways.shape).clone()
    for _ in range(HALVINGS):
        at, which = (wanted & ~found & asking.live(walks)[:, None]).nonzero(as_tuple=True)
        if not at.numel():
            break
        moved = ways[at, which].double().mul_(length[at, which, None]).add_(here.point[at])
        tried = geometry.clip_(moved.to(geometry.dtype))
        hit = asking.met(tried, walks[at])
        far[at[hit], which[hit]] = tried[hit]
        found[at, which] = hit
        length /= 2
    start = closest(asking, walks, far, found, here)
    return nearest(asking, walks, far, found, start), start.size


def grid(asking: Asking, walks: Tensor, here: Nearest, ways: Tensor) -> tuple[Nearest, Tensor]:
    """Steps of several lengths along each way (M, P, d) compete: the one whose ray to the input succeeds closest wins.

    The walk stays where it is if none comes closer. Also the size before the step, (M,).
    """
    geometry = asking.geometry
    lengths = here.size[:, None] * torch.tensor(GRID, dtype=torch.float64, device=walks.device)
    moved = (lengths[:, None, :, None] * ways[:, :, None]).add_(here.point[:, None, None])
    far = geometry.clip_(moved.to(geometry.dtype)).flatten(1, 2)
    able = ways.ne(0).any(dim=2).repeat_interleave(len(GRID), dim=1)
    best = nearest(asking, walks, far, able, here, MARGIN)
    best.winner = torch.where(best.winner >= 0, best.winner // len(GRID), -1)
    return best, here.size
