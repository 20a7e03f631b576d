"""The defense: its parameters, training and restoring."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

import torch
from torch import Tensor

from advbench import ContenderFacts, DataError, Job, State, param

from .contender import ScdContender, Scores, contender_facts, temperatures
from .ensemble import train_votes
from .network import SignVotes
from .settings import Settings, settle
from .store import VoteStore, data_digest
from .training import Vote


@dataclass(frozen=True)
class Scd:
    """Votes of sign-activation networks. "auto" is the preset's value, or the mode's."""

    variant: Literal["01", "ce", "01-bnn", "ce-bnn"] = param(
        "01", help="loss of the final node, 01 or cross-entropy; bnn: all weights are signs"
    )
    mode: Literal["default", "released", "paper"] = param(
        "default",
        paper="paper",
        help="default and released keep what gains on a batch and return the best iterate, released also sweeps over"
        " all biases first; paper undoes what does not lower the loss on all data",
    )
    preset: Literal["cifar10", "gtsrb", "celeba", "imagenet", "ecg", "text"] = param(
        "cifar10", help="the published numbers for a data set; votes, 8 for text, are given by themselves"
    )
    votes: int = param(100, ge=1, paper="100; 8 for text", help="networks in the vote, one seed each")
    member: int | None = param(None, ge=0, help="this vote alone answers, 0 to votes - 1; it is trained once for all")
    scores: Literal["votes", "margin"] = param(
        "votes", help="log of the share of votes, or the mean of what the final nodes add up to"
    )
    hidden: int = param(20, ge=1, help="sign units per network")
    iterations: int | Literal["auto"] = param(
        "auto", ge=1, paper="1000; 10000 with binary weights", help="steps of coordinate descent: auto is the paper's"
    )
    step_hidden: float | Literal["auto"] = param(
        "auto", gt=0, paper=".17; .1 for GTSRB", help="change tried on a hidden weight; signs flip"
    )
    step_final: float | Literal["auto"] = param("auto", gt=0, paper=".2", help="change tried on a final weight")
    features: int | Literal["auto"] = param(
        "auto", ge=1, paper="128 for CIFAR-10 and text, else 256", help="coordinates tried per hidden step"
    )
    batch_fraction: float | Literal["auto"] = param(
        "auto", gt=0, le=1, paper=".75; .25 for ECG and GTSRB", help="share of each class per step"
    )
    window: int | Literal["auto", "all"] = param(
        "auto", ge=1, paper="all", help="thresholds tried on each side of the refitted one, in ranks: auto is 20"
    )
    initial_bias: Literal["auto", "mean", "median"] = param(
        "auto",
        paper="median",
        help="biases at the start: plus the mean of the projections, as released, or minus their median, as printed;"
        " auto is the mean, in paper mode the median",
    )

    def __post_init__(self) -> None:
        if self.member is not None and self.member >= self.votes:
            raise ValueError(
                f"member must be < votes, {self.votes}, got {self.member}. Members are counted from 0; raise votes."
            )

    def facts(self, base: ContenderFacts | None) -> ContenderFacts:
        votes = self.votes if self.member is None else 1
        return contender_facts(votes, self.scores, 2 if self.mode == "paper" else None)

    def lineage(self) -> str:
        """Votes depend on how they are trained and on their own number, not on how many there are."""
        return ",".join(f"{name}={value}" for name, value in asdict(self.settings()).items())

    def settings(self) -> Settings:
        """Of every vote, "auto" filled in."""
        return settle(
            variant=self.variant, mode=self.mode, preset=self.preset, hidden=self.hidden, iterations=self.iterations,
            batch_fraction=self.batch_fraction, step_hidden=self.step_hidden, step_final=self.step_final,
            features=self.features, window=self.window, initial_bias=self.initial_bias,
        )  # fmt: skip

    def protect(self, base: None, job: Job) -> ScdContender:
        x, y = _numbers(job), job.train.y
        _check_classes(y, job.facts.classes)
        # Two classes need one ensemble; more are told apart one against the rest.
        targets = [1] if job.facts.classes == 2 else list(range(job.facts.classes))
        wanted = range(self.votes) if self.member is None else [self.member]
        ensembles: list[list[Vote]] = []
        try:
            store = None
            if job.checkpoints is not None:
                store = VoteStore(job.checkpoints, self.settings(), data_digest(x.numpy(), y.numpy()))
            for place, label in enumerate(targets):
                seeds = {f"{label}-{vote}": job.rng.child("vote", label, vote).seed() for vote in wanted}

                def progress(done: int, total: int, place: int = place) -> None:
                    job.progress(place * total + done, len(targets) * total)

                own = (y == label).numpy()
                ensembles.append(train_votes(x.numpy(), own, self.settings(), seeds, job.threads, progress, store))
        except ValueError as error:
            raise DataError(str(error)) from None
        network = SignVotes.of(ensembles)
        _log(job, network, ensembles)
        return self._contender(network, temperatures(network, x), job)

    def restore(self, base: None, state: State, job: Job) -> ScdContender:
        arrays = dict(state.arrays)
        taus = arrays.pop("taus")
        ensembles, hidden, votes = arrays["final"].shape
        network = SignVotes(ensembles, votes, hidden, arrays["weights"].shape[1])
        network.load_state_dict(arrays)
        return self._contender(network, taus, job)

    def _contender(self, network: SignVotes, taus: Tensor, job: Job) -> ScdContender:
        kind: Scores = self.scores
        return ScdContender(network.to(job.device), taus.to(job.device), kind, self.facts(None))


def _numbers(job: Job) -> Tensor:
    if isinstance(job.train.x, tuple):
        raise DataError("scd: inputs must be numbers, got text. Give an encoder.")
    return job.train.x.flatten(1)


def _check_classes(y: Tensor, classes: int) -> None:
    counts = y.bincount(minlength=classes)
    if len(counts) > classes:
        raise DataError(f"scd: labels must be 0 to {classes - 1}, got {len(counts) - 1}. Choose and relabel classes.")
    if int(counts.min()) < 2:
        rare = int(counts.argmin())
        raise DataError(
            f"scd: each class must have at least 2 training rows, got {int(counts[rare])} of class {rare}."
            " Every batch holds 2 of each: give more, or leave the class out."
        )


def _log(job: Job, network: SignVotes, ensembles: list[list[Vote]]) -> None:
    """One row per number of votes: how many rows that vote gets wrong, and how well the first so many answer."""
    if isinstance(job.tune.x, tuple) or not len(job.tune):
        return
    fires = torch.cat([network.logits(part) > 0 for part in torch.split(job.tune.x, 256)])
    for votes in range(1, network.votes + 1):
        counts = fires[:, :, :votes].sum(dim=2)
        labels = counts[:, 0] * 2 > votes if counts.shape[1] == 1 else counts.argmax(dim=1)
        right = float((labels == job.tune.y).double().mean())
        wrong = sum(1 - ensemble[votes - 1].accuracy for ensemble in ensembles) / len(ensembles)
        job.log({"epoch": votes, "loss": wrong, "tune_accuracy": right})
