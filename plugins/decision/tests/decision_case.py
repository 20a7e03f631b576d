"""Linear victims with exact optima inside the box, and oracles that count and keep what was asked."""

import torch
from torch import nn

from advbench import Access, Bounds, BudgetSpent, ClassGoal, LocalOracle, Norm, Threat
from advbench.testing import streams

UNIT = Bounds(0.0, 1.0)


class Kept(LocalOracle):
    """Counts queries, ends rows that have none left, and keeps every point with its answer."""

    def __init__(self, *args, budget=None, prepared=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.prepared = prepared
        self.asked = torch.zeros(len(self.goal.y), dtype=torch.int64)
        self.budget, self.points, self.rows, self.answers = budget, [], [], []

    @property
    def live(self):
        return super().live if self.budget is None else self.asked < self.budget

    def left(self):
        return super().left() if self.budget is None else (self.budget - self.asked).clamp(min=0)

    def labels(self, points, rows=None):
        paid = torch.ones(len(rows), dtype=torch.bool)
        if self.budget is not None:
            rank = (rows[:, None] == rows).tril(-1).sum(dim=1)
            paid = rank < self.left()[rows]
        if not paid.any():
            raise BudgetSpent
        self.asked += torch.bincount(rows[paid], minlength=len(self.asked))
        found = torch.where(paid, super().labels(points, rows), self.goal.y[rows])
        self.points.append(points[paid])
        self.rows.append(rows[paid])
        self.answers.append(self.goal.met(found, rows)[paid])
        return found

    def of(self, row):
        """(points, whether each met the goal) of one row, in the order of asking."""
        mine = torch.cat(self.rows) == row
        return torch.cat(self.points)[mine], torch.cat(self.answers)[mine]


def oracle_for(network, x, norm=Norm.L2, eps=None, *, y=None, target=None, classes=2, bounds=UNIT, **more):
    threat = Threat(access=Access.LABELS, norm=norm, eps=eps, targeted=target is not None)
    y = labels_of(network, x) if y is None else y
    return Kept(
        network, ClassGoal(y, target), threat, shape=tuple(x.shape[1:]), classes=classes, bounds=bounds, **more
    )  # fmt: skip


def attack(component, network, x, norm=Norm.L2, eps=None, *, seed=0, **more):
    return component.perturb(oracle_for(network, x, norm, eps, **more), x, streams(len(x), seed))


def labels_of(network, x):
    return network(x).argmax(dim=1).detach()


def smooth(features=12, classes=3, seed=0):
    """A small network whose classes meet in the middle of the unit box."""
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Flatten(), nn.Linear(features, 16), nn.Tanh(), nn.Linear(16, classes))
    with torch.no_grad():
        network[3].weight.mul_(4)
        network[3].bias.sub_(network(torch.full((1, features), 0.5))[0])
    return network


def linear(features=16, seed=1):
    """Two classes; class 1 where f = w.x + b > 0, and its boundary passes through the middle."""
    w = torch.randn(features, generator=torch.Generator().manual_seed(seed))
    network = nn.Sequential(nn.Flatten(), nn.Linear(features, 2))
    with torch.no_grad():
        network[1].weight.copy_(torch.stack([-w / 2, w / 2]))
        network[1].bias.copy_(torch.tensor([0.25, -0.25]) * w.sum())
    return network, w


def constant(features=12, classes=3):
    """Nothing moves it."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(features, classes))
    with torch.no_grad():
        network[1].weight.zero_()
        network[1].bias.copy_(torch.eye(classes)[0])
    return network


def uniform(*shape, low=0.0, high=1.0, seed=5):
    return low + (high - low) * torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def edgy(n=6, features=64, seed=4):
    """Points like images: most features at a bound."""
    return uniform(n, features, seed=seed).mul(2).sub(0.5).clamp(0, 1)


def box_optimum(w, x, norm):
    """The exact size of the smallest change that brings each row to f = 0 inside [0, 1], float64 (N,)."""
    w, x = w.double(), x.flatten(1).double()
    f = x @ w - 0.5 * w.sum()
    way = -f.sign()[:, None] * w
    unit = way.sign() if norm is Norm.LINF else way
    low, high = torch.zeros(len(x), 1).double(), torch.full((len(x), 1), 1e3).double()
    for _ in range(100):
        middle = (low + high) / 2
        reached = ((x + middle * unit).clamp(0, 1) - x).mul(way).sum(dim=1, keepdim=True) >= f.abs()[:, None]
        low, high = torch.where(reached, low, middle), torch.where(reached, middle, high)
    return size((x + high * unit).clamp(0, 1), x, norm)


def size(a, b, norm=Norm.L2):
    change = (a - b).flatten(1).double()
    return change.abs().amax(dim=1) if norm is Norm.LINF else change.norm(dim=1)
