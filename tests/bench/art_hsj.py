"""HopSkipJump of the Adversarial Robustness Toolbox, credited with the closest success it ever asked about.

It returns its last iterate, which may be farther away; here it is not made to pay for that. Where
it starts cannot be seeded.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from advbench import Bounds, Examples
from advbench.arena.networks import TorchContender


class _Spent(Exception):
    """The largest budget is used up."""


class _Watched:
    """A contender's labels as a function of numpy arrays; notes the closest success within each budget."""

    def __init__(self, contender: TorchContender, x: Tensor, label: int, budgets: tuple[int, ...]) -> None:
        self.contender, self.x, self.label = contender, x, label
        self.asked, self.best = 0, dict.fromkeys(budgets, torch.inf)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        asked = torch.from_numpy(np.ascontiguousarray(points, dtype=np.float32))
        scores = self.contender.scores(asked)
        size = (asked.double() - self.x.double()).flatten(1).norm(dim=1)
        size = size.masked_fill(scores.argmax(dim=1) == self.label, torch.inf)
        for budget, best in self.best.items():
            paid = size[: max(0, budget - self.asked)]
            self.best[budget] = min([best, *paid.tolist()])
        self.asked += len(asked)
        if self.asked >= max(self.best):
            raise _Spent
        return scores.softmax(dim=1).numpy()


def sizes(contender: TorchContender, examples: Examples, bounds: Bounds, budgets: tuple[int, ...]) -> dict[int, Tensor]:
    """L2 float64 (N,) of the closest success within each budget; infinity = none. All queries count."""
    found: dict[int, list[float]] = {budget: [] for budget in budgets}
    for one, label in zip(examples.x.split(1), examples.y.tolist(), strict=True):  # type: ignore[union-attr]
        watched = _Watched(contender, one, label, budgets)
        _run(watched, one, bounds)
        for budget, best in watched.best.items():
            found[budget].append(best)
    return {budget: torch.tensor(best, dtype=torch.float64) for budget, best in found.items()}


def _run(watched: _Watched, one: Tensor, bounds: Bounds) -> None:
    from art.attacks.evasion.hop_skip_jump import HopSkipJump
    from art.estimators.classification.blackbox import BlackBoxClassifier

    classes = watched.contender.scores(one).shape[1]
    box: Any = (bounds.low, bounds.high)
    try:
        classifier = BlackBoxClassifier(watched, tuple(one.shape[1:]), classes, clip_values=box)
        HopSkipJump(classifier, max_iter=1000, init_size=1000, batch_size=1000, verbose=False).generate(one.numpy())
    except _Spent:
        pass
