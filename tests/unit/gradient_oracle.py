"""An oracle of gradients that counts, for attacks on networks of a test's own."""

import torch
from known_victims import UNIT, labels_of

from advbench import Access, ClassGoal, LocalOracle, Norm, Threat
from advbench.testing import streams


class Counted(LocalOracle):
    """Counts what each row was charged in gradients and in other queries, and the calls for gradients."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.gradients, self.queries = (torch.zeros(len(self.goal.y), dtype=torch.int64) for _ in range(2))
        self.calls = 0

    def value_and_grad(self, points, loss, rows=None):
        self.calls += 1
        self.gradients += torch.bincount(rows, minlength=len(self.gradients))
        return super().value_and_grad(points, loss, rows)

    def labels(self, points, rows=None):
        self.queries += torch.bincount(rows, minlength=len(self.queries))
        return super().labels(points, rows)


class OneIsNan(Counted):
    """The second row's gradients are no numbers."""

    def value_and_grad(self, points, loss, rows=None):
        value, grad = super().value_and_grad(points, loss, rows)
        grad[rows == 1] = torch.nan
        return value, grad


def oracle_for(network, x, norm=Norm.L1, eps=None, *, y=None, target=None, classes=2, bounds=UNIT, dtype=torch.float32,
               gradient="exact", kind=Counted):  # fmt: skip
    threat = Threat(
        access=Access.GRADIENTS, norm=norm, eps=eps, targeted=target is not None, gradient=gradient
    )  # fmt: skip
    y = labels_of(network, x) if y is None else y
    return kind(
        network, ClassGoal(y, target), threat, shape=tuple(x.shape[1:]), classes=classes, bounds=bounds, dtype=dtype
    )


def attack(component, network, x, norm=Norm.L1, eps=None, *, seed=0, **more):
    return component.perturb(oracle_for(network, x, norm, eps, **more), x, streams(len(x), seed))
