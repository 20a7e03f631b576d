"""Our oracle as ART sees a classifier: every point is charged, and nothing else can be asked."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from advbench import LabelOracle, ScoreOracle

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from art.estimators.classification import ClassifierMixin
    from art.estimators.classification.classifier import ClassGradientsMixin
    from art.estimators.estimator import BaseEstimator, LossGradientsMixin, NeuralNetworkMixin

Array = NDArray[np.float32]


class OracleEstimator(ClassGradientsMixin, ClassifierMixin, LossGradientsMixin, NeuralNetworkMixin, BaseEstimator):  # type: ignore[misc]
    """Answers for one example. Predictions are the scores, as logits; where labels are all there is, one-hot.

    Inputs are scaled to [0, 1] for ART, many of whose attacks expect that: DeepFool steps 4 times as far in [-1, 3].
    """

    def __init__(self, oracle: Any, shape: tuple[int, ...]) -> None:
        super().__init__(model=None, clip_values=(0.0, 1.0), channels_first=True)
        self._oracle, self._shape = oracle, shape
        self.nb_classes = oracle.classes

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of one example."""
        return self._shape

    def _predict(self, x: Array, batch_size: int = 128, **kwargs: Any) -> Array:
        """(N, K)."""
        points, rows = self._points(x)
        if isinstance(self._oracle, ScoreOracle):
            return self._array(self._oracle.scores(points, rows))
        assert isinstance(self._oracle, LabelOracle)
        labels = self._oracle.labels(points, rows).clamp(min=0)
        return self._array(torch.nn.functional.one_hot(labels, self._oracle.classes))

    def _loss_gradient(self, x: Array, y: Array, **kwargs: Any) -> Array:
        """Of cross-entropy, like x; y is one-hot or (N,)."""
        wanted = self._labels(y)

        def loss(scores: Tensor, index: Tensor) -> Tensor:
            return -scores.log_softmax(dim=1).gather(1, wanted[index].unsqueeze(1)).squeeze(1)

        points, rows = self._points(x)
        return self._slope(self._oracle.value_and_grad(points, loss, rows)[1])

    def _class_gradient(self, x: Array, label: Any = None, **kwargs: Any) -> Array:
        """(N, K or 1, *shape): of each class's score, or of one class's for each point."""
        points, rows = self._points(x)
        if label is None:
            grads = [self._of_class(points, rows, torch.full((len(points),), k)) for k in range(self.nb_classes)]
            return self._slope(torch.stack(grads, dim=1))
        wanted = torch.as_tensor(np.broadcast_to(np.asarray(label), (len(points),)).copy(), dtype=torch.int64)
        return self._slope(self._of_class(points, rows, wanted).unsqueeze(1))

    def _compute_loss(self, x: Array, y: Array, **kwargs: Any) -> Array:
        """Cross-entropy, (N,)."""
        points, rows = self._points(x)
        scores = self._oracle.scores(points, rows).log_softmax(dim=1)
        return self._array(-scores.gather(1, self._labels(y).unsqueeze(1)).squeeze(1))

    def _fit(self, x: Array, y: Array, **kwargs: Any) -> None:
        """Nobody may train the victim."""
        raise NotImplementedError("the victim is not trained by an attack")

    # ART hands these whatever else an attack was given, and calls them by these names.
    predict, loss_gradient, class_gradient = _predict, _loss_gradient, _class_gradient
    compute_loss, fit = _compute_loss, _fit

    def get_activations(self, x: Array, layer: Any, batch_size: int, framework: bool = False) -> Array:
        """An oracle shows no layers."""
        raise NotImplementedError("an oracle shows no layers")

    def _of_class(self, points: Tensor, rows: Tensor, wanted: Tensor) -> Tensor:
        wanted = wanted.to(points.device)

        def loss(scores: Tensor, index: Tensor) -> Tensor:
            return scores.gather(1, wanted[index].unsqueeze(1)).squeeze(1)

        grad: Tensor = self._oracle.value_and_grad(points, loss, rows)[1]
        return grad

    def scaled(self, x: Tensor) -> Array:
        """Inputs as ART is given them."""
        bounds = self._oracle.bounds
        return self._array(x if bounds is None else (x.double() - bounds.low) / bounds.width)

    def unscaled(self, x: Any) -> Tensor:
        """ART's points as inputs, inside the bounds."""
        points, bounds = torch.as_tensor(np.ascontiguousarray(x), dtype=torch.float64), self._oracle.bounds
        points = points if bounds is None else bounds.clip(points * bounds.width + bounds.low)
        return points.float().to(self._oracle.device)

    def _points(self, x: Array) -> tuple[Tensor, Tensor]:
        points = self.unscaled(x)
        return points, torch.zeros(len(points), dtype=torch.int64, device=points.device)

    def _slope(self, grad: Tensor) -> Array:
        """A gradient with respect to what ART was given."""
        bounds = self._oracle.bounds
        return self._array(grad if bounds is None else grad * bounds.width)

    def _labels(self, y: Any) -> Tensor:
        array = np.asarray(y)
        labels = array.argmax(axis=1) if array.ndim > 1 and array.shape[1] > 1 else array.reshape(-1)
        return torch.as_tensor(labels, dtype=torch.int64).to(self._oracle.device)

    def _array(self, tensor: Tensor) -> Array:
        array: Array = tensor.detach().cpu().numpy().astype(np.float32)
        return array
