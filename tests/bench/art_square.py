"""Square of the Adversarial Robustness Toolbox, stopped at an equal number of queries.

What is done so that it is not handicapped:
- It asks about each point three times an iteration, of which one tells something new: its own repeats are
  answered from memory and not counted, so that an iteration costs one query as in the paper.
- `batch_size` is the batch and all rows of a call are answered together. Rows share windows: its own design.
- It is handed logits and the same p. The same schedule, stretched to the same number of iterations.
- An example's queries end at the first of its points that is answered with another label.
- Side by side with the border it draws no window there, and fails where a window is as large as the image: p stays
  below that.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from advbench import Bounds, Examples, Norm
from advbench.arena.networks import TorchContender


class Memory:
    """A contender's logits as a function of numpy arrays; counts, per example, points that are new to it."""

    def __init__(self, contender: TorchContender, x: Tensor, y: Tensor, norm: Norm, eps: float) -> None:
        self.contender, self.y, self.order, self.eps = contender, y.numpy(), np.inf if norm is Norm.LINF else 2, eps
        self.known: dict[bytes, np.ndarray] = {}
        self.queries = np.zeros(len(x), dtype=np.int64)
        self.first = np.full(len(x), np.inf)  # number of the query that first got another label within eps
        self.of = x.numpy()

    def __call__(self, x: np.ndarray) -> np.ndarray:
        keys = [row.tobytes() for row in np.ascontiguousarray(x, dtype=np.float32)]
        new = [i for i, key in enumerate(keys) if key not in self.known]
        if new:
            answers = self.contender.scores(torch.from_numpy(np.ascontiguousarray(x[new], dtype=np.float32))).numpy()
            whose = np.abs(x[new][:, None].reshape(len(new), 1, -1) - self.of.reshape(1, len(self.of), -1)).max(axis=2)
            for i, answer, owner in zip(new, answers, whose.argmin(axis=1), strict=True):
                self.known[keys[i]] = answer
                self._count(owner, x[i], answer)
        return np.stack([self.known[key] for key in keys])

    def _count(self, owner: int, point: np.ndarray, answer: np.ndarray) -> None:
        self.queries[owner] += 1
        size = np.linalg.norm((point - self.of[owner]).ravel(), ord=self.order)
        if answer.argmax() != self.y[owner] and size <= self.eps + 1e-6:
            self.first[owner] = min(self.first[owner], self.queries[owner])


def attack(
    contender: TorchContender, examples: Examples, bounds: Bounds, norm: Norm, eps: float, p: float, iterations: int,
    watch: bool, seed: int,
) -> tuple[Tensor, Memory | None]:  # fmt: skip
    """The returned points. watch: count queries, which takes time of its own; else it runs as shipped."""
    from art.attacks.evasion import SquareAttack
    from art.estimators.classification import PyTorchClassifier

    x, y = examples.x, examples.y
    assert isinstance(x, Tensor)
    np.random.seed(seed)  # it draws from numpy's global generator
    memory = Memory(contender, x, y, norm, eps) if watch else None

    class Estimator(PyTorchClassifier):  # type: ignore[misc]
        def predict(self, x: np.ndarray, batch_size: int = 128, **kwargs: Any) -> np.ndarray:
            if memory is not None:
                return memory(x)
            return super().predict(x, batch_size=batch_size, **kwargs)

    estimator = Estimator(
        contender.network, loss=torch.nn.CrossEntropyLoss(), input_shape=tuple(x.shape[1:]),
        nb_classes=contender.scores(x[:1]).shape[1], clip_values=(bounds.low, bounds.high), device_type="cpu",
    )  # fmt: skip
    kind = np.inf if norm is Norm.LINF else 2
    run = SquareAttack(
        estimator, norm=kind, eps=eps, p_init=p, max_iter=iterations, batch_size=len(y), verbose=False
    )  # fmt: skip
    return torch.from_numpy(run.generate(x.numpy().copy(), y.numpy())), memory
