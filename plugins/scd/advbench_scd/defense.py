"""The defense: train the votes, then answer by majority."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from advbench import Access, ContenderFacts, DataError, Draws, Job, State, param

from .network import SignVotes
from .training import Settings, Vote, train_votes


class ScdContender:
    """Answers by majority of hard votes; a tie goes to the lowest class.

    Scores are log((count + 1/2) / (votes + K/2)): the log of the smoothed share of votes.
    """

    def __init__(self, network: SignVotes, facts: ContenderFacts) -> None:
        self.network, self.facts = network.eval().requires_grad_(False), facts

    def labels(self, x: Tensor, *, noise: Draws | None = None) -> Tensor:
        """int64 (N,)."""
        labels: Tensor = self.network(x).argmax(dim=1)
        return labels

    def scores(self, x: Tensor, *, noise: Draws | None = None) -> Tensor:
        """float32 (N, K)."""
        counts: Tensor = self.network(x)
        votes, classes = self.network.threshold.shape[1], counts.shape[1]
        return ((counts + 0.5) / (votes + 0.5 * classes)).log()

    def state(self) -> State:
        """The networks' weights."""
        return State({name: tensor.cpu() for name, tensor in self.network.state_dict().items()})


@dataclass(frozen=True)
class Scd:
    """SCD01: sign activations and 01 loss throughout."""

    variant: Literal["01"] = param("01", help="loss of the final node and kind of weights")
    votes: int = param(100, ge=1, paper="100; 8 for text", help="networks in the vote, one seed each")
    hidden: int = param(20, ge=1, help="sign units per network")
    iterations: int = param(1000, ge=1, help="steps of coordinate descent per network")
    step_hidden: float = param(0.17, gt=0, paper=".17; .1 for GTSRB", help="change tried on a hidden weight")
    step_final: float = param(0.2, gt=0, help="change tried on a final weight")
    features: int = param(128, ge=1, paper="128 or 256", help="coordinates tried per hidden step")
    batch_fraction: float = param(0.75, gt=0, le=1, paper=".75; .25 for ECG", help="share of each class per step")
    window: int = param(20, ge=1, help="thresholds tried on each side of the refitted one, in ranks")
    initial_bias: Literal["mean", "median"] = param(
        "mean",
        paper="median",
        help="biases at the start: plus the mean of the projections (as released) or minus their median (as printed)",
    )

    def facts(self, base: ContenderFacts | None) -> ContenderFacts:
        return ContenderFacts(access=Access.SCORES, largest_margin=math.log(2 * self.votes + 1))

    def protect(self, base: None, job: Job) -> ScdContender:
        x, y = job.train.x, job.train.y
        if isinstance(x, tuple):
            raise DataError("scd: inputs must be numbers, got text. Give an encoder.")
        flat = x.flatten(1).numpy()
        # Two classes need one ensemble; more are told apart one against the rest.
        targets = [1] if job.facts.classes == 2 else list(range(job.facts.classes))
        settings = self._settings()
        ensembles: list[list[Vote]] = []
        for place, label in enumerate(targets):
            seeds = [job.rng.child("vote", label, vote).seed() for vote in range(self.votes)]

            def progress(done: int, total: int, place: int = place) -> None:
                job.progress(place * total + done, len(targets) * total)

            ensembles.append(train_votes(flat, (y == label).numpy(), settings, seeds, job.threads, progress))
        return self._contender(SignVotes.of(ensembles), job)

    def restore(self, base: None, state: State, job: Job) -> ScdContender:
        ensembles, votes, hidden = state.arrays["final"].shape
        network = SignVotes(ensembles, votes, hidden, state.arrays["weights"].shape[1])
        network.load_state_dict(dict(state.arrays))
        return self._contender(network, job)

    def _contender(self, network: SignVotes, job: Job) -> ScdContender:
        return ScdContender(network.to(job.device), self.facts(None))

    def _settings(self) -> Settings:
        return Settings(
            hidden=self.hidden, iterations=self.iterations, batch_fraction=self.batch_fraction,
            step_hidden=self.step_hidden, step_final=self.step_final, features=self.features, window=self.window,
            initial_bias=self.initial_bias,
        )  # fmt: skip
