"""SCD for people who use scikit-learn and nothing else here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from .ensemble import train_votes
from .network import SignVotes
from .settings import InitialBias, Mode, Preset, Variant, settle
from .store import VoteStore, data_digest


class SCDClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Votes of sign-activation networks trained by stochastic coordinate descent.

    Parameters are those of the defense `scd`; "auto" is the preset's value.  random_state: the votes' seeds.
    n_jobs: threads, None or -1 = all cores, -2 = all but one; they change nothing but the time.  checkpoints: a
    folder that keeps votes as they are done; a stopped `fit` goes on from there, with an int as random_state.
    Features are used as they are: scale them alike.
    """

    def __init__(
        self,
        *,
        variant: Variant = "01",
        mode: Mode = "default",
        preset: Preset = "cifar10",
        votes: int = 100,
        hidden: int = 20,
        iterations: int | Literal["auto"] = "auto",
        step_hidden: float | Literal["auto"] = "auto",
        step_final: float | Literal["auto"] = "auto",
        features: int | Literal["auto"] = "auto",
        batch_fraction: float | Literal["auto"] = "auto",
        window: int | Literal["auto", "all"] = "auto",
        initial_bias: InitialBias | Literal["auto"] = "auto",
        random_state: Any = None,
        n_jobs: int | None = None,
        checkpoints: str | Path | None = None,
    ) -> None:
        self.variant, self.mode, self.preset, self.votes = variant, mode, preset, votes
        self.hidden, self.iterations, self.features, self.window = hidden, iterations, features, window
        self.step_hidden, self.step_final, self.batch_fraction = step_hidden, step_final, batch_fraction
        self.initial_bias, self.random_state = initial_bias, random_state
        self.n_jobs, self.checkpoints = n_jobs, checkpoints

    def fit(self, X: Any, y: Any) -> SCDClassifier:  # noqa: N803
        """Train all votes. Raises ValueError saying what is wrong with the data or a parameter."""
        x, labels = validate_data(self, X, y, dtype=np.float32)
        check_classification_targets(labels)
        if self.votes < 1:
            raise ValueError(f"scd: votes must be at least 1, got {self.votes}. Raise it.")
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            got = f"one class, {self.classes_[0]}"
            raise ValueError(f"scd: labels must be of 2 classes or more, got {got}. Give rows of another class too.")
        counts = np.bincount(codes)
        if counts.min() < 2:
            rare = self.classes_[counts.argmin()]
            raise ValueError(
                f"scd: each class must have at least 2 rows, got 1 of class {rare}."
                " Every batch holds 2 of each: give more, or leave the class out."
            )
        if self.mode == "paper" and len(self.classes_) > 2:
            hint = "Choose two of them, or another mode."
            raise ValueError(f"scd: labels must be of 2 classes with mode='paper', got {len(self.classes_)}. {hint}")
        settings = settle(
            variant=self.variant, mode=self.mode, preset=self.preset, hidden=self.hidden, iterations=self.iterations,
            batch_fraction=self.batch_fraction, step_hidden=self.step_hidden, step_final=self.step_final,
            features=self.features, window=self.window, initial_bias=self.initial_bias,
        )  # fmt: skip
        place = self.checkpoints
        store = None if place is None else VoteStore(Path(place), settings, data_digest(x, codes))
        targets = [1] if len(self.classes_) == 2 else range(len(self.classes_))
        random, cores = check_random_state(self.random_state), os.cpu_count() or 1
        wanted = self.n_jobs or cores
        threads = wanted if wanted > 0 else max(1, cores + 1 + wanted)
        root = int(random.randint(2**31))
        ensembles = []
        for target in targets:
            # Each vote's seed is its own: it depends on no other vote.
            seeds = {
                f"{target}-{vote}": int(np.random.SeedSequence([root, target, vote]).generate_state(1, np.uint64)[0])
                for vote in range(self.votes)
            }
            ensembles.append(train_votes(x, codes == target, settings, seeds, threads, lambda done, total: None, store))
        self.network_ = SignVotes.of(ensembles)
        return self

    def predict(self, X: Any) -> NDArray[Any]:  # noqa: N803
        """The class of most votes; a tie goes to the first in `classes_`."""
        counts = self._counts(X)
        found: NDArray[Any] = self.classes_[counts.argmax(axis=1)]
        return found

    def predict_proba(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """Shares of the votes, (n, classes), smoothed by half a vote."""
        counts = self._counts(X) + 0.5
        shares: NDArray[np.float64] = counts / counts.sum(axis=1, keepdims=True)
        return shares

    def _counts(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        check_is_fitted(self)
        x = validate_data(self, X, dtype=np.float32, reset=False)
        counts = [self.network_(part) for part in torch.split(torch.from_numpy(np.ascontiguousarray(x)), 256)]
        return np.asarray(torch.cat(counts).numpy(), np.float64)
