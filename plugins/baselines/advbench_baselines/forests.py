"""Ensembles of decision trees, alone or in votes: trained by scikit-learn, answered by our own arithmetic."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier

from advbench import Access, ContenderFacts, ContestError, Job, State, param

from .fitting import numbers
from .tree_contender import Ensemble, TreeContender
from .trees import Trees
from .votes import largest_margin

_STEPS = 10  # parts in which a forest grows, so that progress can be told


@dataclass(frozen=True)
class TreeModel:
    """Base of both: votes are trained one after the other, each from its own seed."""

    votes: int = param(1, ge=1, help="ensembles trained, each from its own seed")
    vote: Literal["hard", "soft"] = param("hard", help="count winners, or average probabilities; for one vote the same")

    def facts(self) -> ContenderFacts:
        raise NotImplementedError

    def build(self, job: Job) -> None:
        """No torch network."""

    def restore(self, state: State, job: Job) -> TreeContender:
        return TreeContender.of(state, self.facts(), self._hard, job.device)

    @property
    def _hard(self) -> bool:
        return self.vote == "hard" and self.votes > 1

    def _contender(self, members: Sequence[Ensemble], job: Job) -> TreeContender:
        return TreeContender([member.to(job.device) for member in members], self.facts(), hard=self._hard)


@dataclass(frozen=True)
class RandomForest(TreeModel):
    """Bootstrapped trees, grown until leaves hold too few examples to split; their probabilities are averaged."""

    trees: int = param(100, ge=1, help="in the forest")
    leaf: int = param(10, ge=1, help="fewest examples in a leaf")
    features: Literal["all", "sqrt"] = param("all", help="tried at each split")

    def facts(self) -> ContenderFacts:
        counted = self.votes if self._hard else self.trees
        return ContenderFacts(access=Access.SCORES, largest_margin=largest_margin(counted))

    def fit(self, job: Job) -> TreeContender:
        x, y = numbers(job.train).flatten(1).numpy(), job.train.y.numpy()
        seed = job.rng.child("forest").seed()
        forests = [
            RandomForestClassifier(
                0, min_samples_leaf=self.leaf, max_features=None if self.features == "all" else "sqrt",
                warm_start=True, random_state=(seed + vote) % 2**32, n_jobs=job.threads,
            )
            for vote in range(self.votes)
        ]  # fmt: skip
        for vote, _, count in _parts(self.trees, self.votes, job):
            forests[vote].set_params(n_estimators=count).fit(x, y)
        meta = _meta("mean", forests[0].classes_, job)
        return self._contender([_member([t.tree_ for t in one.estimators_], meta) for one in forests], job)


@dataclass(frozen=True)
class GradientBoosting(TreeModel):
    """Small trees added one after the other, each to what the others leave unexplained."""

    stages: int = param(100, ge=1, help="trees per class; one class of two needs none")
    depth: int = param(3, ge=1, help="of each tree")
    rate: float = param(0.1, gt=0, le=1000, help="share of each tree's answer that is added")
    leaf: int = param(1, ge=1, help="fewest examples in a leaf")
    subsample: float = param(1.0, gt=0, le=1, help="share of the examples that each stage sees; votes differ below 1")

    def facts(self) -> ContenderFacts:
        margin = largest_margin(self.votes) if self._hard else math.inf
        return ContenderFacts(access=Access.SCORES, largest_margin=margin)

    def fit(self, job: Job) -> TreeContender:
        x, y = numbers(job.train).flatten(1).numpy(), job.train.y.numpy()
        seed = job.rng.child("boosting").seed()
        boosters = [
            GradientBoostingClassifier(
                n_estimators=1, max_depth=self.depth, learning_rate=self.rate, min_samples_leaf=self.leaf,
                subsample=self.subsample, warm_start=True, random_state=(seed + vote) % 2**32,
            )
            for vote in range(self.votes)
        ]  # fmt: skip
        started = time.monotonic()
        for vote, done, count in _parts(self.stages, self.votes, job):
            boosters[vote].set_params(n_estimators=count).fit(x, y)
            for stage in range(done, count):
                row = {"epoch": vote * self.stages + stage, "loss": float(boosters[vote].train_score_[stage])}
                job.log(row | {"seconds": time.monotonic() - started})
        present = boosters[0].classes_
        shares = np.bincount(y, minlength=job.facts.classes)[present] / len(y)
        start = [math.log(shares[1] / shares[0])] if len(shares) == 2 else [math.log(share) for share in shares]
        meta = _meta("sum", present, job) | {"start": start, "rate": self.rate}
        return self._contender([_member([t.tree_ for t in one.estimators_.flat], meta) for one in boosters], job)


def _parts(each: int, votes: int, job: Job) -> Iterator[tuple[int, int, int]]:
    """(vote, trees that it has, trees that it is to have next). Raises ContestError past the deadline."""
    counts = sorted({max(1, each * part // _STEPS) for part in range(1, _STEPS + 1)})
    total = 0
    for vote in range(votes):
        done = 0
        for count in counts:
            if total and job.deadline is not None and time.monotonic() > job.deadline:
                raise ContestError(
                    f"trees: training must end before its deadline, got {total} of {each * votes} trees."
                    " Allow more time or ask for fewer trees."
                )
            yield vote, done, count
            done, total = count, vote * each + count
            job.progress(total, each * votes)


def _meta(kind: str, present: Any, job: Job) -> dict[str, Any]:
    return {"kind": kind, "classes": job.facts.classes, "present": [int(label) for label in present]}


def _member(trees: Sequence[Any], meta: dict[str, Any]) -> Ensemble:
    made = Trees.of(trees)
    return Ensemble(made, meta | {"depth": made.depth})
