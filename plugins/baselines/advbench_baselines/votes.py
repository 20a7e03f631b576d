"""Networks that answer together: by the mean of their probabilities, or by counting whom each prefers."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from advbench import ChunkLoss, ContenderFacts, Draws, State


class Votes(nn.Module):
    """Members of equal layout. Alone, one answers with its own scores; several with log mean probabilities."""

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, x: Tensor) -> Tensor:
        """Log-space scores (N, K)."""
        if len(self.members) == 1:
            scores: Tensor = self.members[0](x)
            return scores
        return self.each(x).log_softmax(dim=2).logsumexp(dim=1) - math.log(len(self.members))

    def each(self, x: Tensor) -> Tensor:
        """The scores of every member, (N, V, K)."""
        return torch.stack([member(x) for member in self.members], dim=1)


class VotingContender:
    """Answers by `votes`; gradients are those of `smooth`, the same votes or a differentiable twin of them.

    hard: each member counts once for its favourite, ties to the lowest class; scores are then
    log((count + 1/2) / (V + K/2)), and no score of theirs has a useful slope. Points in float64
    are answered in float64.
    """

    def __init__(self, votes: Votes, facts: ContenderFacts, *, hard: bool, smooth: Votes | None = None) -> None:
        self.votes, self.facts, self.hard = votes.eval().requires_grad_(False), facts, hard
        self.smooth = smooth.eval().requires_grad_(False) if smooth is not None else self.votes
        self._double: tuple[Votes, Votes] | None = None  # copies in float64, made when first asked for

    def labels(self, x: Tensor, *, noise: Draws | None = None) -> Tensor:
        """int64 (N,); ties go to the lowest class."""
        return self.scores(x, noise=noise).argmax(dim=1)

    def scores(self, x: Tensor, *, noise: Draws | None = None) -> Tensor:
        """Log-space (N, K), in x's dtype."""
        votes, _ = self._in(x.dtype)
        with torch.no_grad():
            scores: Tensor = counted(votes.each(x)) if self.hard else votes(x)
        return scores

    def value_and_grad(
        self, x: Tensor, loss: ChunkLoss, *, gradient: str = "exact", noise: Draws | None = None
    ) -> tuple[Tensor, Tensor]:
        """By backpropagation through the smooth votes; the loss is of their scores."""
        _, smooth = self._in(x.dtype)
        x = x.detach().requires_grad_(True)
        with torch.enable_grad():
            value = loss(smooth(x))
            (grad,) = torch.autograd.grad(value.sum(), x)
        return value.detach(), grad

    def state(self) -> State:
        """The weights that answer."""
        return State({name: tensor.cpu() for name, tensor in self.votes.state_dict().items()})

    def _in(self, dtype: torch.dtype) -> tuple[Votes, Votes]:
        if dtype != torch.float64:
            return self.votes, self.smooth
        if self._double is None:
            one, other = copy.deepcopy((self.votes, self.smooth))
            self._double = one.double(), other.double()
        return self._double


def counted(scores: Tensor) -> Tensor:
    """(N, V, K) -> (N, K): the log of the smoothed share of members that prefer each class."""
    counts = F.one_hot(scores.argmax(dim=2), scores.shape[2]).sum(dim=1)
    shares: Tensor = (counts.to(scores.dtype) + 0.5) / (scores.shape[1] + 0.5 * scores.shape[2])
    return shares.log()


def largest_margin(votes: int) -> float:
    """Between the scores of two classes when all agree."""
    return math.log(2 * votes + 1)
