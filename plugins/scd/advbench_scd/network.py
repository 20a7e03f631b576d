"""All votes as one network: integers where it counts, so that a row's answer depends on that row alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .training import Vote


class SignVotes(nn.Module):
    """(N, *shape) -> counts int64 (N, classes).

    weights (ensembles x hidden x votes, d), biases, final (ensembles, hidden, votes), threshold
    (ensembles, votes): unit j of all votes lies together, so that adding up over units adds up whole rows.
    One ensemble answers two classes; more answer one class each.
    """

    weights: Tensor
    biases: Tensor
    final: Tensor
    threshold: Tensor

    def __init__(self, ensembles: int, votes: int, hidden: int, features: int) -> None:
        super().__init__()
        self.register_buffer("weights", torch.zeros(ensembles * hidden * votes, features))
        self.register_buffer("biases", torch.zeros(ensembles * hidden * votes))
        self.register_buffer("final", torch.zeros(ensembles, hidden, votes))
        self.register_buffer("threshold", torch.zeros(ensembles, votes))

    @classmethod
    def of(cls, ensembles: Sequence[Sequence[Vote]]) -> SignVotes:
        """Join trained votes."""
        first = ensembles[0][0]
        module = cls(len(ensembles), len(ensembles[0]), *first.weights.shape)
        weights = module.weights.view(*module.final.shape, -1)
        biases = module.biases.view_as(module.final)
        for e, votes in enumerate(ensembles):
            for k, vote in enumerate(votes):
                weights[e, :, k] = torch.from_numpy(vote.weights)
                biases[e, :, k] = torch.from_numpy(vote.biases)
                module.final[e, :, k] = torch.from_numpy(vote.final)
                module.threshold[e, k] = float(vote.threshold)
        return module

    @property
    def votes(self) -> int:
        """Networks in the vote on one class."""
        return self.threshold.shape[1]

    def logits(self, x: Tensor) -> Tensor:
        """What the final nodes add up to, float32 (N, ensembles, votes); a vote fires above 0."""
        fires = torch.addmm(self.biases, x.flatten(1), self.weights.t()).gt_(0)
        # A sum over an axis instead of a product: no order of additions can depend on the batch.
        return fires.view(-1, *self.final.shape).mul_(self.final).sum(dim=2) + self.threshold

    def forward(self, x: Tensor) -> Tensor:
        """Votes per class."""
        return self.counts(self.logits(x) > 0)

    def counts(self, fires: Tensor) -> Tensor:
        """int64 (N, classes) from bool (N, ensembles, votes): with one ensemble, silence is a vote for class 0."""
        counts = fires.sum(dim=2)
        return torch.cat([self.votes - counts, counts], dim=1) if counts.shape[1] == 1 else counts

    def distances(self, x: Tensor) -> Tensor:
        """To the hyperplane of every hidden unit, L2, signed: float32 (N, ensembles x hidden x votes)."""
        norms: Tensor = torch.linalg.vector_norm(self.weights, dim=1)
        return torch.addmm(self.biases, x.flatten(1), self.weights.t()) / norms.clamp_min(1e-12)

    def smooth_scores(self, x: Tensor, tau: Tensor, tau2: float) -> Tensor:
        """Log of the mean soft vote, (N, classes): sigmoid((w.x + b) / tau), then sigmoid(f / tau2).

        w and v count as of unit norm in every variant. Taken in log space, votes that are sure of themselves still
        have a gradient.
        """
        hidden = torch.sigmoid(self.distances(x) / tau).reshape(-1, *self.final.shape)
        scale = self.final.norm(dim=1).clamp_min(1e-12) * tau2
        logits = ((hidden * self.final).sum(dim=2) + self.threshold) / scale
        one: Tensor = nn.functional.logsigmoid(logits).logsumexp(dim=2) - math.log(self.votes)
        if one.shape[1] > 1:
            return one
        zero = nn.functional.logsigmoid(-logits).logsumexp(dim=2) - math.log(self.votes)
        return torch.cat([zero, one], dim=1)
