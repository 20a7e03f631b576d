"""Linear victims with exact optima inside the box, and oracles to attack them by."""

import torch
from torch import nn

from advbench import Access, Bounds, ClassGoal, LocalOracle, Norm, Threat
from advbench.testing import streams

UNIT = Bounds(0.0, 1.0)


class Counted(LocalOracle):
    """Counts what each row was charged in gradients and in other queries."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.gradients, self.queries = (torch.zeros(len(self.goal.y), dtype=torch.int64) for _ in range(2))

    def value_and_grad(self, points, loss, rows=None):
        self.gradients += torch.bincount(rows, minlength=len(self.gradients))
        return super().value_and_grad(points, loss, rows)

    def labels(self, points, rows=None):
        self.queries += torch.bincount(rows, minlength=len(self.queries))
        return super().labels(points, rows)


def oracle_for(network, x, norm, eps=None, *, y=None, target=None, classes=2, bounds=UNIT, dtype=torch.float32,
               gradient="exact", kind=Counted):  # fmt: skip
    threat = Threat(
        access=Access.GRADIENTS, norm=norm, eps=eps, targeted=target is not None, gradient=gradient
    )  # fmt: skip
    y = labels_of(network, x) if y is None else y
    return kind(
        network, ClassGoal(y, target), threat, shape=tuple(x.shape[1:]), classes=classes, bounds=bounds, dtype=dtype
    )


def attack(component, network, x, norm, eps=None, *, seed=0, **more):
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


def lead(w, x):
    """f of each row, (N,)."""
    return x.flatten(1) @ w - 0.5 * w.sum()


def uniform(*shape, low=0.0, high=1.0):
    return low + (high - low) * torch.rand(*shape, generator=torch.Generator().manual_seed(5))


def inner(n=6, features=16, seed=3):
    """Points well inside the unit box."""
    return 0.35 + 0.3 * torch.rand(n, features, generator=torch.Generator().manual_seed(seed))


def edgy(n=6, features=64, seed=4):
    """Points like images: most features at a bound."""
    return torch.rand(n, features, generator=torch.Generator().manual_seed(seed)).mul(2).sub(0.5).clamp(0, 1)


def box_optimum(w, x, norm):
    """The exact size of the smallest change that brings each row to f = 0 inside [0, 1], float64 (N,)."""
    w, x = w.double(), x.flatten(1).double()
    f = lead(w, x)
    way = -f.sign()[:, None] * w
    if norm is Norm.L1:
        return _knapsack(way, x, f.abs())
    # Along this path the change of f grows, and every point of it is the nearest one to reach that f.
    unit = way.sign() if norm is Norm.LINF else way
    low, high = torch.zeros(len(x), 1).double(), torch.full((len(x), 1), 1e3).double()
    for _ in range(100):
        middle = (low + high) / 2
        reached = ((x + middle * unit).clamp(0, 1) - x).mul(way).sum(dim=1, keepdim=True) >= f.abs()[:, None]
        low, high = torch.where(reached, low, middle), torch.where(reached, middle, high)
    change = (x + high * unit).clamp(0, 1) - x
    return change.abs().amax(dim=1) if norm is Norm.LINF else change.norm(dim=1)


def _knapsack(way, x, need):
    room = torch.where(way > 0, 1 - x, x)
    sizes = []
    for i in range(len(x)):
        size, left = 0.0, float(need[i])
        for j in way[i].abs().argsort(descending=True).tolist():
            take = min(float(room[i, j]), left / float(way[i, j].abs()))
            size, left = size + take, left - take * float(way[i, j].abs())
        sizes.append(size)
    return torch.tensor(sizes, dtype=torch.float64)


def distance(a, b, norm):
    change = (a - b).flatten(1).double()
    if norm is Norm.LINF:
        return change.abs().amax(dim=1)
    return change.abs().sum(dim=1) if norm is Norm.L1 else change.norm(dim=1)
