"""Linear and small victims, and an oracle that counts and knows a budget."""

import torch
from torch import nn

from advbench import Access, Bounds, BudgetSpent, ClassGoal, LocalOracle, Norm, Threat
from advbench.testing import streams

UNIT = Bounds(0.0, 1.0)


class Counted(LocalOracle):
    """Keeps to the threat's max_queries row by row, as the arena does, and ends rows that have found a point."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        n = len(self.goal.y)
        self.asked, self.ended = torch.zeros(n, dtype=torch.int64), torch.zeros(n, dtype=torch.bool)
        self.first = torch.full((n,), torch.inf)

    @property
    def live(self):
        return ~self.ended & (self.left() > 0)

    def left(self):
        most = self.threat.max_queries
        return super().left() if most is None else (most - self.asked).clamp(min=0)

    def scores(self, points, rows=None):
        assert bool(self.live[rows].all()), "asked about a row that is over"
        self.asked += torch.bincount(rows, minlength=len(self.asked))
        if self.threat.max_queries is not None and bool((self.asked > self.threat.max_queries).any()):
            raise BudgetSpent
        return super().scores(points, rows)

    def labels(self, points, rows=None):
        self.asked += torch.bincount(rows, minlength=len(self.asked))
        return super().labels(points, rows)


def oracle_for(
    network, x, norm, eps=None, *, y=None, target=None, classes=2, bounds=UNIT, budget=None, refine=False, kind=Counted
):
    threat = Threat(
        access=Access.SCORES, norm=norm, eps=eps, max_queries=budget, targeted=target is not None, refine=refine
    )  # fmt: skip
    y = labels_of(network, x) if y is None else y
    return kind(network, ClassGoal(y, target), threat, shape=tuple(x.shape[1:]), classes=classes, bounds=bounds)


def attack(component, network, x, norm, eps=None, *, seed=0, **more):
    return component.perturb(oracle_for(network, x, norm, eps, **more), x, streams(len(x), seed))


def labels_of(network, x):
    with torch.no_grad():
        return network(x).argmax(dim=1)


def distance(a, b, norm):
    change = (a - b).flatten(1).double()
    return change.abs().amax(dim=1) if norm is Norm.LINF else change.norm(dim=1)


def linear(features, seed=1):
    """Two classes; class 1 where w.(x - 1/2) > 0."""
    w = torch.randn(features, generator=torch.Generator().manual_seed(seed))
    network = nn.Sequential(nn.Flatten(), nn.Linear(features, 2))
    with torch.no_grad():
        network[1].weight.copy_(torch.stack([-w / 2, w / 2]))
        network[1].bias.copy_(torch.tensor([0.25, -0.25]) * w.sum())
    return network, w


def optimum(w, x, norm):
    """The exact smallest change inside [0, 1] that brings each row to the boundary, float64 (N,)."""
    w, x = w.double(), x.flatten(1).double()
    f = x @ w - w.sum() / 2
    way = -f.sign()[:, None] * w
    unit = way.sign() if norm is Norm.LINF else way
    low, high = torch.zeros(len(x), 1).double(), torch.full((len(x), 1), 1e3).double()
    for _ in range(100):
        middle = (low + high) / 2
        reached = ((x + middle * unit).clamp(0, 1) - x).mul(way).sum(dim=1, keepdim=True) >= f.abs()[:, None]
        low, high = torch.where(reached, low, middle), torch.where(reached, middle, high)
    return distance((x + high * unit).clamp(0, 1), x, norm)


def inner(n, *shape, seed=3):
    """Points well inside the unit box."""
    return 0.35 + 0.3 * torch.rand(n, *shape, generator=torch.Generator().manual_seed(seed))


def smooth(features=12, classes=3, seed=0):
    """A small network whose classes meet in the middle of the unit box."""
    generator = torch.Generator().manual_seed(seed)
    network = nn.Sequential(nn.Flatten(), nn.Linear(features, 16), nn.Tanh(), nn.Linear(16, classes))
    with torch.no_grad():
        for part in network.parameters():
            part.copy_(torch.randn(part.shape, generator=generator) / part.shape[-1] ** 0.5)
        network[3].weight.mul_(4)
        network[3].bias.sub_(network(torch.full((1, features), 0.5))[0])
    return network
