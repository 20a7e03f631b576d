"""Softmax regression on which words of a vocabulary a text holds."""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from advbench import Access, ContenderFacts, DataError, Draws, Job, State, Wording, param

_FACTS = ContenderFacts(access=Access.SCORES)


@dataclass(frozen=True)
class BagOfWords:
    """A word counts once, whatever its case. Taking a word out of a text, or putting one in, moves the
    scores by that word's weights, and only then: importances can be computed by hand.
    """

    vocabulary: int = param(20_000, ge=1, help="words: the most frequent of the training texts")
    least: int = param(2, ge=1, help="training texts that must hold a word")
    strength: float = param(1.0, gt=0, help="inverse of the L2 penalty on the weights")
    steps: int = param(300, ge=1, help="of L-BFGS at most")

    def facts(self) -> ContenderFacts:
        return _FACTS

    def build(self, job: Job) -> None:
        """It has no torch network."""

    def fit(self, job: Job) -> BagContender:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        y = job.train.y.numpy()
        if len(np.unique(y)) < 2:
            raise DataError("bag-of-words: the training texts must be of two classes, got fewer. Choose other data.")
        words = _vocabulary([*map(_words, _texts(job))], self.vocabulary, self.least)
        bag = BagContender(words, np.zeros((len(words), job.facts.classes)), np.zeros(job.facts.classes))
        model = LogisticRegression(C=self.strength, max_iter=self.steps)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # `steps` says how far to go
            model.fit(bag.matrix(_texts(job)), y)
        for place, label in enumerate(model.classes_):
            two = len(model.classes_) == 2
            bag.weights[:, label] = model.coef_[0] * (place - 0.5) if two else model.coef_[place]
            bag.bias[label] = model.intercept_[0] * (place - 0.5) if two else model.intercept_[place]
        bag.bias[np.setdiff1d(np.arange(job.facts.classes), y)] = -1e9  # never seen, never said
        job.progress(1, 1)
        return bag

    def restore(self, state: State, job: Job) -> BagContender:
        arrays = {name: tensor.numpy() for name, tensor in state.arrays.items()}
        return BagContender(list(state.meta["words"]), arrays["weights"], arrays["bias"])


class BagContender:
    """weights: float64 (words, K); bias: float64 (K,)."""

    facts = _FACTS

    def __init__(self, words: list[str], weights: Any, bias: Any) -> None:
        self.words, self.weights, self.bias = words, weights, bias
        self._place = {word: place for place, word in enumerate(words)}

    def labels(self, x: tuple[str, ...], *, noise: Draws | None = None) -> Tensor:
        """int64 (N,)."""
        return self.scores(x).argmax(dim=1)

    def scores(self, x: tuple[str, ...], *, noise: Draws | None = None) -> Tensor:
        """The logits, float32 (N, K)."""
        return torch.from_numpy((self.matrix(x) @ self.weights + self.bias).astype(np.float32))

    def state(self) -> State:
        """Weights, bias, and the words they belong to."""
        arrays = {"weights": torch.from_numpy(self.weights), "bias": torch.from_numpy(self.bias)}
        return State(arrays, {"words": self.words})

    def matrix(self, texts: tuple[str, ...]) -> Any:
        """Sparse (N, words): 1 where a text holds a word. Each row is added up in the vocabulary's order."""
        places = [sorted({self._place[word] for word in _words(text) if word in self._place}) for text in texts]
        starts = np.cumsum([0, *map(len, places)])
        index = np.array([place for row in places for place in row], dtype=np.int64)
        return sparse.csr_matrix((np.ones(len(index)), index, starts), shape=(len(texts), len(self.words)))


def _texts(job: Job) -> tuple[str, ...]:
    assert isinstance(job.train.x, tuple)
    return job.train.x


def _words(text: str) -> list[str]:
    return [word.lower() for word in Wording.of(text).words]


def _vocabulary(texts: list[list[str]], most: int, least: int) -> list[str]:
    """The words that most texts hold; of equals the first in the alphabet."""
    counts = Counter(word for words in texts for word in set(words))
    often = sorted((-count, word) for word, count in counts.items() if count >= least)
    return [word for _, word in often[:most]]
