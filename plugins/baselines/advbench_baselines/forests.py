"""Ensembles of decision trees: trained by scikit-learn, stored as arrays, answered by our own arithmetic."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from torch import Tensor

from advbench import Access, ContenderFacts, ContestError, Draws, Job, State, param

from .fitting import numbers
from .trees import Trees
from .votes import largest_margin

_STEPS = 10  # parts in which a forest grows, so that progress can be told


class TreeContender:
    """Scores without gradients: piecewise constant in every input.

    kind `mean`: log((sum of class probabilities + 1/2) / (T + K/2)); `sum`: raw scores, start + rate x sum
    over the trees of each class, for two classes (0, f).
    """

    def __init__(self, trees: Trees, facts: ContenderFacts, meta: dict[str, Any]) -> None:
        self.trees, self.facts, self.meta = trees, facts, meta

    def labels(self, x: Tensor, *, noise: Draws | None = None) -> Tensor:
        """int64 (N,); ties go to the lowest class."""
        labels: Tensor = self.scores(x).argmax(dim=1)
        return labels

    def scores(self, x: Tensor, *, noise: Draws | None = None) -> Tensor:
        """float32 (N, K)."""
        values, classes = self.trees(x.flatten(1)), self.meta["present"]
        if self.meta["kind"] == "mean":
            found = values.sum(dim=1) + 0.5
            scores = torch.full((len(x), self.meta["classes"]), 0.5, dtype=torch.float64, device=x.device)
            scores[:, classes] = found
            shares: Tensor = scores / (values.shape[1] + self.meta["classes"] / 2)
            return shares.log().float()
        start = torch.tensor(self.meta["start"], dtype=torch.float64, device=x.device)
        raw = start + self.meta["rate"] * values.reshape(len(x), -1, len(start)).sum(dim=1)
        if len(start) == 1:
            raw = torch.cat([torch.zeros_like(raw), raw], dim=1)
        scores = torch.full((len(x), self.meta["classes"]), -1e4, dtype=torch.float64, device=x.device)
        scores[:, classes] = raw
        return scores.float()

    def state(self) -> State:
        """The trees, and how their leaves are read."""
        return State({name: tensor.cpu() for name, tensor in self.trees.state_dict().items()}, self.meta)


def restored(facts: ContenderFacts, state: State, job: Job) -> TreeContender:
    """What a TreeContender's state holds."""
    arrays, meta = dict(state.arrays), dict(state.meta)
    nodes, outputs = arrays["value"].shape
    trees = Trees(arrays["roots"], nodes, outputs, meta["depth"])
    trees.load_state_dict(arrays)
    return TreeContender(trees.to(job.device), facts, meta)


@dataclass(frozen=True)
class RandomForest:
    """Bootstrapped trees, grown until leaves hold too few examples to split; their probabilities are averaged."""

    trees: int = param(100, ge=1, help="in the forest")
    leaf: int = param(10, ge=1, help="fewest examples in a leaf")
    features: Literal["all", "sqrt"] = param("all", help="tried at each split")

    def facts(self) -> ContenderFacts:
        return ContenderFacts(access=Access.SCORES, largest_margin=largest_margin(self.trees))

    def build(self, job: Job) -> None:
        """No torch network."""

    def fit(self, job: Job) -> TreeContender:
        forest = RandomForestClassifier(
            0, min_samples_leaf=self.leaf, max_features=None if self.features == "all" else "sqrt", warm_start=True,
            random_state=job.rng.child("forest").seed() % 2**32, n_jobs=job.threads,
        )  # fmt: skip
        x, y = numbers(job.train).flatten(1).numpy(), job.train.y.numpy()
        for count in _parts(self.trees, job):
            forest.set_params(n_estimators=count).fit(x, y)
            job.progress(count, self.trees)
        meta = _meta("mean", forest.classes_, job)
        return _contender([tree.tree_ for tree in forest.estimators_], self.facts(), meta, job)

    def restore(self, state: State, job: Job) -> TreeContender:
        return restored(self.facts(), state, job)


@dataclass(frozen=True)
class GradientBoosting:
    """Small trees added one after the other, each to what the others leave unexplained."""

    stages: int = param(100, ge=1, help="trees per class; one class of two needs none")
    depth: int = param(3, ge=1, help="of each tree")
    rate: float = param(0.1, gt=0, help="share of each tree's answer that is added")
    leaf: int = param(1, ge=1, help="fewest examples in a leaf")
    subsample: float = param(1.0, gt=0, le=1, help="share of the examples that each stage sees")

    def facts(self) -> ContenderFacts:
        return ContenderFacts(access=Access.SCORES)

    def build(self, job: Job) -> None:
        """No torch network."""

    def fit(self, job: Job) -> TreeContender:
        booster = GradientBoostingClassifier(
            n_estimators=1, max_depth=self.depth, learning_rate=self.rate, min_samples_leaf=self.leaf,
            subsample=self.subsample, warm_start=True, random_state=job.rng.child("boosting").seed() % 2**32,
        )  # fmt: skip
        x, y = numbers(job.train).flatten(1).numpy(), job.train.y.numpy()
        started = time.monotonic()
        done = 0
        for count in _parts(self.stages, job):
            booster.set_params(n_estimators=count).fit(x, y)
            for stage in range(done, count):
                loss = float(booster.train_score_[stage])
                job.log({"epoch": stage, "loss": loss, "seconds": time.monotonic() - started})
            done = count
            job.progress(count, self.stages)
        shares = np.bincount(y, minlength=job.facts.classes)[booster.classes_] / len(y)
        start = [math.log(shares[1] / shares[0])] if len(shares) == 2 else [math.log(share) for share in shares]
        meta = _meta("sum", booster.classes_, job) | {"start": start, "rate": self.rate}
        return _contender([tree.tree_ for tree in booster.estimators_.flat], self.facts(), meta, job)

    def restore(self, state: State, job: Job) -> TreeContender:
        return restored(self.facts(), state, job)


def _parts(total: int, job: Job) -> Iterator[int]:
    """How many trees there are to be after each part. Raises ContestError past the deadline."""
    counts = sorted({max(1, total * part // _STEPS) for part in range(1, _STEPS + 1)})
    for place, count in enumerate(counts):
        if place and job.deadline is not None and time.monotonic() > job.deadline:
            raise ContestError(
                f"trees: training must end before its deadline, got {counts[place - 1]} of {total} trees."
                " Allow more time or ask for fewer trees."
            )
        yield count


def _meta(kind: str, present: Any, job: Job) -> dict[str, Any]:
    return {"kind": kind, "classes": job.facts.classes, "present": [int(label) for label in present]}


def _contender(trees: list[Any], facts: ContenderFacts, meta: dict[str, Any], job: Job) -> TreeContender:
    made = Trees.of(trees)
    return TreeContender(made.to(job.device), facts, meta | {"depth": made.depth})
