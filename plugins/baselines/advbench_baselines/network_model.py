"""What all trained networks share: parameters of training, votes, and the way to a contender and back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import torch
from torch import nn

from advbench import Access, ContenderFacts, DatasetFacts, Job, Seeds, State, param

from .fitting import train
from .layers import Dropout
from .recipe import Augment, Loss, Optimizer, Recipe, Schedule
from .votes import Votes, VotingContender, largest_margin

FACTS = ContenderFacts(access=Access.GRADIENTS, gradients=("exact",), float64=True)


@dataclass(frozen=True)
class NetworkModel:
    """Base of the networks here. Subclasses define `network`, and defaults as published.

    side_by_side: up to so many input numbers, votes are trained as one batched program. On one CPU core that
    makes ten binary networks of 64 inputs four times faster, and large convolutions slower (the README has the
    figures); on other devices, which wait for each single call, it is done whatever the size.
    """

    epochs: int = param(100, ge=1, help="passes over the training split")
    learning_rate: float = param(1e-3, gt=0, le=1000, help="of the optimiser, at the start")
    batch: int = param(64, ge=1, help="examples per step")
    weight_decay: float = param(0.0, ge=0, le=1000, help="L2 penalty on all weights")
    optimizer: Optimizer = param("adam", help="sgd has Nesterov momentum .9")  # noqa: RUF009
    schedule: Schedule = param(  # noqa: RUF009
        "constant", help="of the learning rate: cosine to 0, x.1 at 1/2 and 3/4 (thirds), x.5 at each fifth (halves)"
    )
    loss: Loss = param("ce", help="cross-entropy, or square error of the probabilities")  # noqa: RUF009
    augment: Augment = param("none", help="pictures: moved by up to 1/8 of their size; mirrored half the time")  # noqa: RUF009
    votes: int = param(1, ge=1, help="networks trained, each from its own start and order of examples")
    vote: Literal["hard", "soft"] = param("hard", help="count winners, or average probabilities; for one vote the same")

    side_by_side: ClassVar[int | None] = None  # None: never

    def network(self, facts: DatasetFacts, generator: torch.Generator) -> nn.Module:
        """One untrained network for such inputs, all its weights drawn from the generator."""
        raise NotImplementedError

    def facts(self) -> ContenderFacts:
        if not self._hard:
            return FACTS
        return replace(FACTS, gradients=("surrogate/mean-probability",), largest_margin=largest_margin(self.votes))

    def build(self, job: Job) -> Votes:
        return Votes([self._member(job, vote) for vote in range(self.votes)])

    def fit(self, job: Job) -> VotingContender:
        votes = self.build(job)
        size = self.votes if self._together(job) else 1
        for start in range(0, self.votes, size):
            members = list(votes.members[start : start + size])
            seeds = [self._seeds(job, vote) for vote in range(start, start + size)]
            train(members, self.recipe(), job, seeds, start // size, -(-self.votes // size))
        return self._contender(votes)

    def restore(self, state: State, job: Job) -> VotingContender:
        votes = self.build(job)
        votes.load_state_dict(dict(state.arrays))
        return self._contender(votes.to(job.device))

    def recipe(self) -> Recipe:
        """The training that the parameters ask for."""
        return Recipe(
            epochs=self.epochs, batch=self.batch, learning_rate=self.learning_rate, weight_decay=self.weight_decay,
            optimizer=self.optimizer, schedule=self.schedule, loss=self.loss, augment=self.augment,
        )  # fmt: skip

    def _contender(self, votes: Votes) -> VotingContender:
        return VotingContender(votes, self.facts(), hard=self._hard)

    @property
    def _hard(self) -> bool:
        return self.vote == "hard" and self.votes > 1

    def _together(self, job: Job) -> bool:
        if self.side_by_side is None:
            return False
        return job.device.type != "cpu" or job.facts.features <= self.side_by_side

    def _seeds(self, job: Job, vote: int) -> Seeds:
        return job.rng.child("vote", vote)

    def _member(self, job: Job, vote: int) -> nn.Module:
        seeds = self._seeds(job, vote)
        network = self.network(job.facts, seeds.child("init").generator())
        for place, layer in enumerate(layer for layer in network.modules() if isinstance(layer, Dropout)):
            layer.reseed(seeds.child("dropout", place).seed())  # for whoever trains it without our loop
        return network
