"""Where walks begin: at images that are answered as wanted, or at noise."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import torch
from torch import Tensor

from advbench import BudgetSpent, Examples, LabelOracle, State, Streams

from .asking import Asking

AT_ONCE = 1 << 20  # numbers in one block of noise
TOGETHER = 64  # most tries of a row in one call


def collect(oracle: LabelOracle, seeds: Examples, each: int) -> State:
    """The first `each` seeds answered with each class, and those classes; a query per seed, until there are enough."""
    assert isinstance(seeds.x, Tensor)
    found = torch.zeros(oracle.classes, dtype=torch.int64)
    kept: list[int] = []
    labels: list[int] = []
    step = max(1, min(128, AT_ONCE // max(1, seeds.x[0].numel()))) if len(seeds) else 1
    with contextlib.suppress(BudgetSpent):
        for part in torch.split(torch.arange(len(seeds), device=seeds.y.device), step):
            if bool((found >= each).all()):
                break
            answers = oracle.labels(seeds.x[part], part)
            for row, label in zip(part.tolist(), answers.tolist(), strict=True):
                if label >= 0 and found[label] < each:
                    found[label] += 1
                    kept.append(row)
                    labels.append(label)
    return State({"starts": seeds.x[kept], "labels": torch.tensor(labels, dtype=torch.int64)})


def from_images(asking: Asking, rows: Tensor, pool: State, restart: int) -> tuple[Tensor, Tensor]:
    """(R, d), and bool (R,): the image of the pool at which that restart of each row begins, if it meets the goal."""
    goal = asking.oracle.goal
    images = pool.arrays["starts"].to(asking.x0).flatten(1)
    labels = pool.arrays["labels"].to(rows.device)
    points, found = asking.x0[rows].clone(), torch.zeros(len(rows), dtype=torch.bool, device=rows.device)
    if not len(labels):
        return points, found
    wanted = torch.stack([goal.met(label.expand(len(rows)), rows) for label in labels], dim=1)
    able = wanted.sum(dim=1) > restart
    position = (wanted.cumsum(dim=1) == restart + 1).int().argmax(dim=1)
    at = able.nonzero().flatten()
    points[at] = images[position[at]]
    found[at] = asking.met(points[at], rows[at])
    points[~found] = asking.x0[rows[~found]]
    return points, found


def from_noise(
    asking: Asking, rng: Streams, rows: Tensor, tries: int, limit: Tensor, blends: Sequence[float]
) -> tuple[Tensor, Tensor]:
    """(R, d), and bool (R,): the first uniform noise, blended into the input, that meets the goal.

    At most `tries`, and at most `limit` (R,) of a row; try i takes the share blends[i % len(blends)]
    of noise. Calls double in size while nothing is found, and all that they ask is charged.
    """
    d = asking.geometry.d
    low, width = (asking.geometry.bounds.low, asking.geometry.width) if asking.geometry.bounds else (0.0, 1.0)
    points, found = asking.x0[rows].clone(), torch.zeros(len(rows), dtype=torch.bool, device=rows.device)
    done, size = 0, 1
    while done < tries:
        count = min(size, tries - done, max(1, AT_ONCE // d))
        left = (~found & asking.oracle.live[rows] & (limit >= done + count)).nonzero().flatten()
        if not len(left):
            break
        share = torch.tensor([blends[i % len(blends)] for i in range(done, done + count)], device=rows.device).double()
        for at in torch.split(left, max(1, AT_ONCE // (count * d))):
            noise = rng.uniform(rows[at], (count, d)).double().mul_(width).add_(low)
            x0 = asking.x0[rows[at], None]
            tried = asking.geometry.clip_(noise.sub_(x0).mul_(share[:, None]).add_(x0).to(asking.x0.dtype))
            hit = asking.met(tried.flatten(0, 1), rows[at].repeat_interleave(count)).reshape(-1, count)
            won = hit.any(dim=1).nonzero().flatten()
            points[at[won]] = tried[won, hit[won].int().argmax(dim=1)]
            found[at[won]] = True
        done, size = done + count, min(2 * size, TOGETHER)
    return points, found
