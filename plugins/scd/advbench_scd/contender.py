"""What is attacked: the majority of hard votes, scores made of them, and smooth surrogates for gradients."""

from __future__ import annotations

import math
from itertools import product
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from advbench import Access, ChunkLoss, ContenderFacts, Draws, State

from .network import SignVotes

Scores: TypeAlias = Literal["votes", "margin"]
QUANTILES = (0.02, 0.05, 0.1, 0.25)  # of the distances to hyperplanes: a surrogate's tau
FINAL_TEMPERATURES = (0.05, 0.2)  # tau2
SURROGATES = {
    f"surrogate/tau={quantile:g},tau2={tau2:g}".replace("0.", "."): (place, tau2)
    for (place, quantile), tau2 in product(enumerate(QUANTILES), FINAL_TEMPERATURES)
}
LEAD = 1e-6  # by which the majority's class leads where the mean margin says otherwise
ROWS = 512  # of the training set, from which the quantiles are taken


def contender_facts(votes: int, scores: Scores, classes: int | None) -> ContenderFacts:
    """Known before training."""
    margin = math.log(2 * votes + 1) if scores == "votes" else math.inf
    return ContenderFacts(
        access=Access.GRADIENTS, gradients=tuple(SURROGATES), largest_margin=margin, classes=classes
    )  # fmt: skip


class ScdContender:
    """Answers by majority of hard votes; a tie goes to the lowest class.

    Scores `votes`: log((count + 1/2) / (votes + K/2)), the log of the smoothed share of votes.  `margin`: the mean of
    what the final nodes add up to, which moves with every unit and not only with whole votes; where it disagrees with
    the majority, the majority's class leads by a trifle.  Gradients are those of `SignVotes.smooth_scores`; taus (4,)
    are its temperatures, the quantiles of distances to hyperplanes on training data.
    """

    def __init__(self, network: SignVotes, taus: Tensor, scores: Scores, facts: ContenderFacts) -> None:
        self.network, self.facts = network.eval().requires_grad_(False), facts
        self._taus, self._kind = taus, scores

    def labels(self, x: Tensor, *, noise: Draws | None = None) -> Tensor:
        """int64 (N,)."""
        with torch.no_grad():
            labels: Tensor = self.network(x).argmax(dim=1)
        return labels

    def scores(self, x: Tensor, *, noise: Draws | None = None) -> Tensor:
        """float32 (N, K)."""
        with torch.no_grad():
            logits = self.network.logits(x)
            counts = self.network.counts(logits > 0)
            if self._kind == "margin":
                return _margins(logits.mean(dim=2), counts.argmax(dim=1, keepdim=True))
            return ((counts + 0.5) / (self.network.votes + 0.5 * counts.shape[1])).log()

    def value_and_grad(
        self, x: Tensor, loss: ChunkLoss, *, gradient: str, noise: Draws | None = None
    ) -> tuple[Tensor, Tensor]:
        """Of the smooth scores that the gradient's name spells out."""
        place, tau2 = SURROGATES[gradient]
        x = x.detach().requires_grad_(True)
        with torch.enable_grad():
            value = loss(self.network.smooth_scores(x, self._taus[place], tau2))
            (grad,) = torch.autograd.grad(value.sum(), x)
        return value.detach(), grad

    def state(self) -> State:
        """The networks' weights, and the temperatures."""
        arrays = {name: tensor.cpu() for name, tensor in self.network.state_dict().items()}
        return State({**arrays, "taus": self._taus.cpu()})


def temperatures(network: SignVotes, x: Tensor) -> Tensor:
    """Quantiles of the distances from training rows to hyperplanes, float32 (4,), of at most ROWS rows."""
    rows = x[:: max(1, len(x) // ROWS)][:ROWS]
    distances = network.distances(rows).abs().flatten().sort().values
    places = [int(quantile * (len(distances) - 1)) for quantile in QUANTILES]
    smallest = max(1e-6 * float(distances[-1]), 1e-12)  # rows may lie on a hyperplane
    return distances[torch.tensor(places)].clamp_min(smallest)


def _margins(mean: Tensor, winner: Tensor) -> Tensor:
    """Mean logits (N, ensembles) -> scores (N, K), the winner's raised where it is not the largest."""
    scores = torch.cat([-mean, mean], dim=1) if mean.shape[1] == 1 else mean
    rivals = scores.scatter(1, winner, -math.inf).amax(dim=1, keepdim=True)
    least = rivals + LEAD * rivals.abs().clamp_min(1.0)
    return scores.scatter(1, winner, torch.maximum(scores.gather(1, winner), least))
