"""ZOO of the Adversarial Robustness Toolbox, run as well as its settings allow.

What is done so that it is not handicapped:
- `use_resize=False`: resizing works on 32x32 copies and does not ask about the resized result.
- `use_importance=False`: without resizing it draws as uniformly with it as without.
- `batch_size=1`: more rows at once share one set of ADAM states, so that only the first is attacked rightly.
- `abort_early=False`: what a search does not use is given to no other, so stopping early only wastes budget.
- It is handed logits, not probabilities, as its loss takes differences of scores.
- It clips its noise to the classifier's `clip_values`, not the image, so that [0, 1] forbids it to darken.
  It is told [-1, 1], and whatever it asks and returns is clipped into the box by us (`lend_box`).
- Its constant, searches, coordinates, learning rate and `variable_h` are tried on other examples first.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from advbench import Bounds, Examples
from advbench.arena.networks import TorchContender


class Counter:
    """A contender's logits as a function of numpy arrays, counting the rows that are asked."""

    def __init__(self, contender: TorchContender, bounds: Bounds) -> None:
        self.contender, self.bounds, self.rows = contender, bounds, 0

    def __call__(self, x: np.ndarray) -> np.ndarray:
        self.rows += len(x)
        points = torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32))
        return self.contender.scores(self.bounds.clip(points)).numpy()


@dataclass(frozen=True)
class Setting:
    """The settings of one run; `iterations` follow from them and the budget."""

    variable_h: float = 1e-4
    learning_rate: float = 1e-2
    initial_const: float = 1e-3
    searches: int = 3
    coordinates: int = 32

    @property
    def cost(self) -> int:
        """Queries of one iteration: up and down at each coordinate, then the new point."""
        return 2 * self.coordinates + 1

    def iterations(self, budget: int) -> int:
        return budget // (self.searches * self.cost)

    def queries(self, budget: int) -> int:
        """Queries an example takes, at most `budget`."""
        return self.searches * self.iterations(budget) * self.cost


def settings(features: int) -> Iterator[Setting]:
    """Everything tried but variable_h."""
    for rate, const, searches, coordinates in itertools.product(
        (1e-2, 1e-3), (1e-3, 1.0), (1, 3, 9), (features // 2, features)
    ):
        yield Setting(learning_rate=rate, initial_const=const, searches=searches, coordinates=coordinates)


def best_setting(features: int, score: Callable[[Setting], float]) -> Setting:
    """The setting with the highest score; then the best of three variable_h for it. Ties go to the first tried."""
    best = max(settings(features), key=score)
    return max((replace(best, variable_h=h) for h in (1e-4, 1e-2, 0.1)), key=score)


def attack(
    contender: TorchContender, examples: Examples, bounds: Bounds, setting: Setting, budget: int, *, whole_calls: bool
) -> tuple[Tensor, int]:
    """The returned points, clipped into the bounds (N, *shape), and the rows asked in all.

    Rows: what the setting says and two an example more, which it asks at its end to log its success.
    whole_calls: its estimator answers the rows of a call together. As shipped, the batch size
    that keeps its results right, 1, also makes it ask row by row; then all else is the same.
    """
    from art.attacks.evasion.zoo import ZooAttack

    x, y = examples.x, examples.y
    assert isinstance(x, Tensor)
    counter = Counter(contender, bounds)
    np.random.seed(int(examples.ids[0]))  # it draws from numpy's global generator
    run = ZooAttack(
        _estimator(counter, tuple(x.shape[1:]), contender, x[:1], whole_calls),
        learning_rate=setting.learning_rate,
        max_iter=setting.iterations(budget),
        binary_search_steps=setting.searches,
        initial_const=setting.initial_const,
        abort_early=False,
        use_resize=False,
        use_importance=False,
        nb_parallel=setting.coordinates,
        batch_size=1,
        variable_h=setting.variable_h,
        verbose=False,
    )
    points = torch.from_numpy(run.generate(x.numpy().copy(), y.numpy()))
    return bounds.clip(points), counter.rows


def _estimator(counter: Counter, shape: tuple[int, ...], contender: TorchContender, one: Tensor, whole: bool) -> Any:
    """Its BlackBoxClassifier, which is faster row by row than its PyTorchClassifier."""
    from art.estimators.classification.blackbox import BlackBoxClassifier

    class WholeCalls(BlackBoxClassifier):  # type: ignore[misc]
        def predict(self, x: np.ndarray, batch_size: int = 128, **kwargs: Any) -> np.ndarray:
            return super().predict(x, batch_size=len(x), **kwargs)

    kind = WholeCalls if whole else BlackBoxClassifier
    width = counter.bounds.width
    return kind(counter, shape, contender.scores(one).shape[1], clip_values=(-width, width))
