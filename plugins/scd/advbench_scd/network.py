"""All votes as one network: integers where it counts, so that a row's answer depends on that row alone."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .training import Vote


class SignVotes(nn.Module):
    """(N, *shape) -> counts int64 (N, classes).

    weights (ensembles x votes x hidden, d), biases, final (ensembles, votes, hidden), threshold
    (ensembles, votes). One ensemble answers two classes; more answer one class each.
    """

    weights: Tensor
    biases: Tensor
    final: Tensor
    threshold: Tensor

    def __init__(self, ensembles: int, votes: int, hidden: int, features: int) -> None:
        super().__init__()
        self.register_buffer("weights", torch.zeros(ensembles * votes * hidden, features))
        self.register_buffer("biases", torch.zeros(ensembles * votes * hidden))
        self.register_buffer("final", torch.zeros(ensembles, votes, hidden))
        self.register_buffer("threshold", torch.zeros(ensembles, votes))

    @classmethod
    def of(cls, ensembles: Sequence[Sequence[Vote]]) -> SignVotes:
        """Join trained votes."""
        first = ensembles[0][0]
        module = cls(len(ensembles), len(ensembles[0]), *first.weights.shape)
        flat = [vote for votes in ensembles for vote in votes]
        module.weights.copy_(torch.cat([torch.from_numpy(vote.weights) for vote in flat]))
        module.biases.copy_(torch.cat([torch.from_numpy(vote.biases) for vote in flat]))
        module.final.copy_(torch.stack([torch.from_numpy(vote.final) for vote in flat]).reshape_as(module.final))
        threshold = torch.tensor([float(vote.threshold) for vote in flat])
        module.threshold.copy_(threshold.reshape_as(module.threshold))
        return module

    def fires(self, x: Tensor) -> Tensor:
        """Which votes say "this class", bool (N, ensembles, votes)."""
        hidden = torch.addmm(self.biases, x.flatten(1), self.weights.t()) > 0
        ensembles, votes, units = self.final.shape
        hidden = hidden.reshape(-1, ensembles, votes, units)
        # A masked sum instead of a product: no order of additions can depend on the batch.
        return torch.where(hidden, self.final, 0.0).sum(dim=3) + self.threshold > 0

    def forward(self, x: Tensor) -> Tensor:
        """Votes per class; with one ensemble those that do not fire are for class 0."""
        counts = self.fires(x).sum(dim=2)
        if counts.shape[1] == 1:
            return torch.cat([self.threshold.shape[1] - counts, counts], dim=1)
        return counts
