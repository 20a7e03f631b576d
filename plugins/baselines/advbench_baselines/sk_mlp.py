"""scikit-learn's MLPClassifier in votes, as the SCD papers train their MLP; answered by our own batched arithmetic."""

from __future__ import annotations

import itertools
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from torch import Tensor, nn

from advbench import ContenderFacts, ContestError, Job, State, param

from .fitting import numbers
from .layers import Dense, draw, learn_scales, scaled
from .network_model import FACTS
from .votes import Votes, VotingContender, largest_margin

_ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {"logistic": nn.Sigmoid, "relu": nn.ReLU, "tanh": nn.Tanh}
_NEVER = -1e4  # the score of a class that the training split lacks


@dataclass(frozen=True)
class SkMlp:
    """One hidden layer of 20 logistic units, trained by SGD with momentum until the loss stands still."""

    hidden: tuple[int, ...] = param((20,), ge=1, help="units per hidden layer, split at '/'")
    activation: Literal["logistic", "relu", "tanh"] = param("logistic", help="of hidden units")
    solver: Literal["sgd", "adam"] = param("sgd", help="sgd has Nesterov momentum .9")
    learning_rate: float = param(0.01, gt=0, le=1000, help="of the optimiser, at the start")
    alpha: float = param(1e-4, ge=0, le=1000, help="L2 penalty")
    batch: int = param(200, ge=1, help="examples per step, at most all")
    epochs: int = param(1000, ge=1, help="most passes over the training split")
    tolerance: float = param(1e-4, ge=0, help="training ends when ten epochs have not lowered the loss by this much")
    votes: int = param(1, ge=1, paper=100, help="networks trained, each from its own seed")
    vote: Literal["soft", "hard"] = param("soft", help="average probabilities, or count winners")

    def facts(self) -> ContenderFacts:
        if not self._hard:
            return FACTS
        return replace(FACTS, gradients=("surrogate/mean-probability",), largest_margin=largest_margin(self.votes))

    def build(self, job: Job) -> Votes:
        votes = self._untrained(job)
        for vote, member in enumerate(votes.members):
            draw(member, job.rng.child("init", vote).generator(), "glorot")
        return votes

    def fit(self, job: Job) -> VotingContender:
        votes = self._untrained(job)
        learn_scales(list(votes.members), numbers(job.train))
        x, y = votes.members[0][0](numbers(job.train)).flatten(1).numpy(), job.train.y.numpy()  # type: ignore[index]
        started, rows = time.monotonic(), 0
        for vote, member in enumerate(votes.members):
            if job.deadline is not None and time.monotonic() > job.deadline:
                raise ContestError(
                    f"sk-mlp: training must end before its deadline, got {vote} of {self.votes} networks."
                    " Allow more time or ask for fewer votes."
                )
            fitted = self._fitted(x, y, job.rng.child("vote", vote).seed())
            _fill(member, fitted)
            for loss in fitted.loss_curve_:
                job.log({"epoch": rows, "loss": float(loss), "seconds": time.monotonic() - started})
                rows += 1
            job.progress(vote + 1, self.votes)
        return self._contender(votes.to(job.device))

    def restore(self, state: State, job: Job) -> VotingContender:
        votes = self._untrained(job)
        votes.load_state_dict(dict(state.arrays))
        return self._contender(votes.to(job.device))

    def _fitted(self, x: Any, y: Any, seed: int) -> MLPClassifier:
        classifier = MLPClassifier(
            self.hidden, activation=self.activation, solver=self.solver, learning_rate_init=self.learning_rate,
            alpha=self.alpha, batch_size=min(self.batch, len(y)), max_iter=self.epochs, tol=self.tolerance,
            random_state=seed % 2**32,
        )  # fmt: skip
        with warnings.catch_warnings(), np.errstate(over="ignore", invalid="ignore"):
            warnings.simplefilter("ignore", ConvergenceWarning)  # the limit of epochs is the user's
            try:
                return classifier.fit(x, y)
            except ValueError as error:
                if "non-finite" not in str(error):
                    raise
                raise ContestError(
                    f"sk-mlp: weights must stay finite while it trains, got an overflow. Lower learning_rate (now"
                    f" {self.learning_rate:g}) or alpha (now {self.alpha:g})."
                ) from None

    def _untrained(self, job: Job) -> Votes:
        return Votes([self._layers(job) for _ in range(self.votes)])

    def _layers(self, job: Job) -> nn.Sequential:
        layers: list[nn.Module] = [scaled(job.facts), nn.Flatten()]
        for inputs, outputs in itertools.pairwise((job.facts.features, *self.hidden)):
            layers += [Dense(inputs, outputs), _ACTIVATIONS[self.activation]()]
        last = self.hidden[-1] if self.hidden else job.facts.features
        return nn.Sequential(*layers, Dense(last, job.facts.classes))

    def _contender(self, votes: Votes) -> VotingContender:
        return VotingContender(votes, self.facts(), hard=self._hard)

    @property
    def _hard(self) -> bool:
        return self.vote == "hard" and self.votes > 1


def _fill(network: nn.Module, fitted: MLPClassifier) -> None:
    """Copy scikit-learn's weights; its single logistic output for two classes becomes scores (0, f)."""
    dense = [layer for layer in network.modules() if isinstance(layer, Dense)]
    with torch.no_grad():
        for layer, weights, intercepts in zip(dense, fitted.coefs_, fitted.intercepts_, strict=True):
            bias = layer.bias
            assert bias is not None
            rows: Any = slice(None)
            if layer is dense[-1]:
                rows = fitted.classes_.tolist()
                bias.fill_(_NEVER)
                bias[rows] = 0
                rows = rows[1:] if weights.shape[1] == 1 else rows
            layer.weight[rows] = _tensor(weights.T)
            bias[rows] = _tensor(intercepts)


def _tensor(array: Any) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
