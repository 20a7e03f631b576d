"""Victims with known answers, and oracles that watch."""

import math

import torch
from torch import nn

from advbench import Access, Bounds, BudgetSpent, ClassGoal, ContenderFacts, LocalOracle, Norm, Threat, TorchContender
from advbench_zoo.space import Box, Here

UNIT = Bounds(0.0, 1.0)


class Streams:
    """One generator per row, as the arena hands them out."""

    def __init__(self, keys) -> None:
        keys = range(keys) if isinstance(keys, int) else keys
        self.generators = [torch.Generator().manual_seed(key) for key in keys]

    def uniform(self, rows, shape):
        return torch.stack([torch.rand(shape, generator=self.generators[row]) for row in rows.tolist()])


class Watched(LocalOracle):
    """Counts, and keeps what was asked."""

    def __init__(self, *args, budget=None, keep=False, **kwargs):
        super().__init__(*args, **kwargs)
        self.asked = torch.zeros(len(self.goal.y), dtype=torch.int64)
        self.budget, self.lowest, self.highest = budget, math.inf, -math.inf
        self.keep, self.points, self.rows = keep, [], []

    def left(self):
        return super().left() if self.budget is None else (self.budget - self.asked).clamp(min=0)

    def scores(self, points, rows=None):
        self.asked += torch.bincount(rows, minlength=len(self.asked))
        if self.budget is not None and bool((self.asked > self.budget).any()):
            raise BudgetSpent
        self.lowest, self.highest = min(self.lowest, float(points.min())), max(self.highest, float(points.max()))
        if self.keep:
            self.points.append(points)
            self.rows.append(rows)
        return super().scores(points, rows)

    def of(self, row):
        """All points asked for one row, in their order."""
        return torch.cat([points[rows == row] for points, rows in zip(self.points, self.rows, strict=True)])


def smooth(features=12, classes=3, seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(features, 16), nn.Tanh(), nn.Linear(16, classes)).double()


def linear(features, seed=0):
    """Two classes, f = w.x + b, class 1 where positive; w has unit length."""
    generator = torch.Generator().manual_seed(seed)
    w = torch.randn(features, generator=generator, dtype=torch.float64)
    w /= w.norm()
    network = nn.Sequential(nn.Flatten(), nn.Linear(features, 2)).double()
    with torch.no_grad():
        network[1].weight.copy_(torch.stack([-w / 2, w / 2]))
        network[1].bias.copy_(torch.tensor([0.25, -0.25]) * w.sum())
    return network, w


def oracle_for(
    network,
    x,
    y=None,
    *,
    bounds=UNIT,
    target=None,
    classes=2,
    dtype=torch.float64,
    double=True,
    budget=None,
    keep=False,
):
    """`double`: whether a float32 network also answers in float64."""
    threat = Threat(access=Access.SCORES, norm=Norm.L2, targeted=target is not None)
    y = labels_of(network, x) if y is None else y
    if not double:
        network = TorchContender(network, ContenderFacts(access=Access.SCORES))
    return Watched(
        network, ClassGoal(y, target), threat, shape=tuple(x.shape[1:]), classes=classes, bounds=bounds, dtype=dtype,
        budget=budget, keep=keep,
    )  # fmt: skip


def labels_of(network, x):
    return network(x).argmax(dim=1).detach()


def here_at(box, x0, m):
    """Rows that have left their inputs, flat (R, d), by m in units of u."""
    return Here(x0, box.variable(x0), m)


def boxes():
    return [Box(UNIT), Box(UNIT, tanh=True), Box(None)]
