"""Oracles of labels that count and keep what was asked, and a victim that nothing moves."""

import torch
from known_victims import UNIT, labels_of
from torch import nn

from advbench import Access, BudgetSpent, ClassGoal, LocalOracle, Norm, Threat
from advbench.testing import streams


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


def constant(features=12, classes=3):
    """Nothing moves it."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(features, classes))
    with torch.no_grad():
        network[1].weight.zero_()
        network[1].bias.copy_(torch.eye(classes)[0])
    return network
