"""An oracle of scores that counts and knows a budget."""

import torch
from known_victims import UNIT, labels_of

from advbench import Access, BudgetSpent, ClassGoal, LocalOracle, Threat
from advbench.testing import streams


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
