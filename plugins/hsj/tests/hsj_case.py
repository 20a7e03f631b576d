"""Linear victims with exact optima inside the box, and an oracle that counts."""

import torch
from torch import nn

from advbench import Access, Bounds, BudgetSpent, ClassGoal, LocalOracle, Norm, Threat
from advbench.testing import streams

UNIT = Bounds(0.0, 1.0)


class Counted(LocalOracle):
    """Counts the queries of each row, ends rows at `budget`, and keeps the points if asked to."""

    def __init__(self, *args, budget=None, keep=False, prepared=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.budget, self.kept, self.most = budget, [] if keep else None, 0
        self.queries = torch.zeros(len(self.goal.y), dtype=torch.int64)
        self.prepared = prepared

    @property
    def live(self):
        return super().live if self.budget is None else self.queries < self.budget

    def left(self):
        return super().left() if self.budget is None else self.budget - self.queries

    def labels(self, points, rows=None):
        assert bool(self.live[rows].all()), "a dead row was asked"
        self.most = max(self.most, points.numel())
        if self.kept is not None:
            self.kept.append((points.clone(), rows.clone()))
        position = torch.zeros_like(rows)
        for row in rows.unique().tolist():
            position[rows == row] = torch.arange(int((rows == row).sum()))
        paid = position < self.left()[rows]
        if not bool(paid.any()):
            raise BudgetSpent
        self.queries += torch.bincount(rows[paid], minlength=len(self.queries))
        return torch.where(paid, super().labels(points, rows), self.goal.y[rows])


def oracle_for(network, x, norm=Norm.L2, *, y=None, target=None, classes=2, bounds=UNIT, dtype=torch.float32, **more):
    threat = Threat(access=Access.LABELS, norm=norm, targeted=target is not None)
    y = labels_of(network, x) if y is None else y
    return Counted(
        network, ClassGoal(y, target), threat, shape=tuple(x.shape[1:]), classes=classes, bounds=bounds, dtype=dtype,
        **more,
    )  # fmt: skip


def attack(component, network, x, norm=Norm.L2, *, seed=0, **more):
    return component.perturb(oracle_for(network, x, norm, **more), x, streams(len(x), seed))


def labels_of(network, x):
    return network(x).argmax(dim=1).detach()


def linear(features=16, seed=1):
    """Two classes; class 1 where w.x > w.middle, so that the boundary passes through the middle of the box."""
    w = torch.randn(features, generator=torch.Generator().manual_seed(seed))
    network = nn.Sequential(nn.Flatten(), nn.Linear(features, 2))
    with torch.no_grad():
        network[1].weight.copy_(torch.stack([-w / 2, w / 2]))
        network[1].bias.copy_(torch.tensor([0.25, -0.25]) * w.sum())
    return network, w


def stripes(network_shape=4):
    """Three classes along the sum of the features."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(network_shape, 3))
    with torch.no_grad():
        network[1].weight.copy_(torch.tensor([-1.0, 0.0, 1.0])[:, None].expand(3, network_shape))
        network[1].bias.copy_(torch.tensor([0.4, 0.0, -0.6]) * network_shape)
    return network


def inner(n=6, features=16, seed=3):
    """Points well inside the unit box."""
    return 0.35 + 0.3 * torch.rand(n, features, generator=torch.Generator().manual_seed(seed))


def box_optimum(w, x, norm):
    """The exact size of the smallest change that brings each row to the boundary inside [0, 1], float64 (N,)."""
    w, x = w.double(), x.flatten(1).double()
    f = x @ w - 0.5 * w.sum()
    way = -f.sign()[:, None] * w
    # Along this path f changes, and every point of it is the nearest one to reach its f.
    unit = way.sign() if norm is Norm.LINF else way
    low, high = torch.zeros(len(x), 1).double(), torch.full((len(x), 1), 1e3).double()
    for _ in range(100):
        middle = (low + high) / 2
        reached = ((x + middle * unit).clamp(0, 1) - x).mul(way).sum(dim=1, keepdim=True) >= f.abs()[:, None]
        low, high = torch.where(reached, low, middle), torch.where(reached, middle, high)
    return distance((x + high * unit).clamp(0, 1), x, norm)


def distance(a, b, norm=Norm.L2):
    change = (a - b).flatten(1).double()
    return change.abs().amax(dim=1) if norm is Norm.LINF else change.norm(dim=1)
