"""HopSkipJump of Foolbox and of the Adversarial Robustness Toolbox, with every question noted.

What is done so that they are not handicapped: the closest point that they ever asked about counts,
wherever they ended; where ART finds no start it is left out of the comparison of distances; Foolbox
is also run one example at a time, as in a batch it normalises over all of it.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from advbench import Examples

from .victims import Victim


@dataclass
class Notes:
    """Queries per example, (N,), and the closest flip within each budget, (budgets, N)."""

    examples: Examples
    budgets: Sequence[int]
    queries: Tensor = field(init=False)
    best: Tensor = field(init=False)

    def __post_init__(self) -> None:
        n = len(self.examples)
        self.queries = torch.zeros(n, dtype=torch.int64)
        self.best = torch.full((len(self.budgets), n), math.inf, dtype=torch.float64)

    def add(self, points: Tensor, labels: Tensor, row: int | None) -> None:
        """`points` are all of one row's, or, without `row`, one of each."""
        rows = torch.arange(len(points)) if row is None else torch.full((len(points),), row)
        number = self.queries[rows] + (0 if row is None else torch.arange(len(points)))
        if row is None:
            self.queries += 1
        else:
            self.queries[row] += len(points)
        x = self.examples.x
        assert isinstance(x, Tensor)
        size = (points.double() - x[rows].double()).flatten(1).norm(dim=1)
        for best, budget in zip(self.best, self.budgets, strict=True):
            good = (labels != self.examples.y[rows]) & (number < budget)
            best.scatter_reduce_(0, rows[good], size[good], "amin")


class Watched(nn.Module):
    """A network that notes what it is asked; `row` tells about which example, None: one point of each."""

    def __init__(self, network: nn.Module, notes: Notes | None) -> None:
        super().__init__()
        self.network, self.notes, self.row = network, notes, None
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            scores = self.network(x)
        if self.notes is not None:
            self.notes.add(x, scores.argmax(dim=1), self.row)
        return scores


def foolbox(victim: Victim, examples: Examples, steps: int, notes: Notes | None, one_by_one: bool = False) -> None:
    """Foolbox at its defaults."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import foolbox as fb

    bounds = victim.facts.bounds
    assert bounds is not None
    watched = Watched(victim.contender.network, notes)
    model = fb.PyTorchModel(watched, bounds=(bounds.low, bounds.high), device="cpu")
    attack = fb.attacks.HopSkipJumpAttack(steps=steps)
    torch.manual_seed(0)
    if not one_by_one:
        attack.run(model, examples.x, fb.criteria.Misclassification(examples.y))
        return
    for i in range(len(examples)):
        watched.row = i
        attack.run(model, examples.x[i : i + 1], fb.criteria.Misclassification(examples.y[i : i + 1]))


def art(victim: Victim, examples: Examples, iterations: int, notes: Notes | None) -> None:
    """The Adversarial Robustness Toolbox at its defaults, which goes through the examples one by one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from art.attacks.evasion import HopSkipJump
        from art.estimators.classification import BlackBoxClassifier

    classes, bounds = victim.facts.classes, victim.facts.bounds
    assert bounds is not None
    watched = Watched(victim.contender.network, notes)
    answers = np.eye(classes, dtype=np.float32)

    def predict(x: np.ndarray) -> np.ndarray:
        points = torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32))
        return answers[watched(bounds.clip(points)).argmax(dim=1).numpy()]

    shown = BlackBoxClassifier(predict, victim.facts.shape, classes, clip_values=(bounds.low, bounds.high))
    attack = HopSkipJump(shown, norm=2, max_iter=iterations, init_size=100, verbose=False)
    np.random.seed(0)
    for i in range(len(examples)):
        watched.row = i
        attack.generate(examples.x[i : i + 1].numpy(), y=answers[examples.y[i : i + 1].numpy()])
