"""Networks with exact optima inside the box, points in it, and how far two points lie apart."""

import torch
from torch import nn

from advbench import Bounds, Norm

UNIT = Bounds(0.0, 1.0)


def labels_of(network, x):
    with torch.no_grad():
        return network(x).argmax(dim=1)


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


def uniform(*shape, low=0.0, high=1.0, seed=5):
    return low + (high - low) * torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def inner(n=6, *shape, seed=3):
    """Points well inside the unit box, of 16 features unless a shape is given."""
    return uniform(n, *(shape or (16,)), seed=seed).mul(0.3).add(0.35)


def edgy(n=6, features=64, seed=4):
    """Points like images: most features at a bound."""
    return uniform(n, features, seed=seed).mul(2).sub(0.5).clamp(0, 1)


def distance(a, b, norm=Norm.L2):
    """Of each row, float64 (N,)."""
    change = (a - b).flatten(1).double()
    if norm is Norm.LINF:
        return change.abs().amax(dim=1)
    return change.abs().sum(dim=1) if norm is Norm.L1 else change.norm(dim=1)


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
    return distance((x + high * unit).clamp(0, 1), x, norm)


def _knapsack(way, x, need):
    """Features fill up in the order of what they gain per unit."""
    room = torch.where(way > 0, 1 - x, x)
    sizes = []
    for i in range(len(x)):
        size, left = 0.0, float(need[i])
        for j in way[i].abs().argsort(descending=True).tolist():
            take = min(float(room[i, j]), left / float(way[i, j].abs()))
            size, left = size + take, left - take * float(way[i, j].abs())
        sizes.append(size)
    return torch.tensor(sizes, dtype=torch.float64)
