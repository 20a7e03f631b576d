"""An oracle of labels that counts, and a victim of three classes."""

import torch
from known_victims import UNIT, labels_of
from torch import nn

from advbench import Access, BudgetSpent, ClassGoal, LocalOracle, Norm, Threat
from advbench.testing import streams


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


def stripes(network_shape=4):
    """Three classes along the sum of the features."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(network_shape, 3))
    with torch.no_grad():
        network[1].weight.copy_(torch.tensor([-1.0, 0.0, 1.0])[:, None].expand(3, network_shape))
        network[1].bias.copy_(torch.tensor([0.4, 0.0, -0.6]) * network_shape)
    return network
