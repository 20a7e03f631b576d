"""Binary networks: weights and activations of +1 and -1, trained through a slope that the sign does not have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, TypeAlias

import torch
from torch import Tensor, nn

from advbench import ContenderFacts, DatasetFacts, Job, State, param

from .layers import Dense, draw, product, scaled
from .network_model import FACTS, NetworkModel
from .recipe import Recipe
from .votes import Votes, VotingContender, largest_margin

Estimator: TypeAlias = Literal["approx-sign", "ste", "swish-sign"]
_BETA = 5.0  # steepness of swish-sign (Darabi et al. 2018)


def sign(x: Tensor) -> Tensor:
    """+1 from 0 upwards, -1 below."""
    return torch.where(x >= 0, 1.0, -1.0).to(x.dtype)


def ste(x: Tensor) -> Tensor:
    """Hard tanh: slope 1 between -1 and 1 (Hubara et al. 2016)."""
    return x.clamp(-1, 1)


def approx_sign(x: Tensor) -> Tensor:
    """2x - x|x| between -1 and 1, flat outside: slope 2 - 2|x| (Liu et al. 2018, eq. 6)."""
    inside = x.clamp(-1, 1)
    return 2 * inside - inside * inside.abs()


def swish_sign(x: Tensor) -> Tensor:
    """2 s(bx) (1 + bx (1 - s(bx))) - 1 with the logistic s and b = 5 (Darabi et al. 2018, eq. 4)."""
    steep = _BETA * x
    share = torch.sigmoid(steep)
    return 2 * share * (1 + steep * (1 - share)) - 1


_SMOOTH: Mapping[Estimator, Callable[[Tensor], Tensor]] = {
    "approx-sign": approx_sign, "ste": ste, "swish-sign": swish_sign,
}  # fmt: skip


def _hard(x: Tensor, smooth: Callable[[Tensor], Tensor]) -> Tensor:
    """The sign of x, with the slope of `smooth`."""
    soft = smooth(x)
    return sign(x).detach() + (soft - soft.detach())  # the bracket is zero


class BinaryNetwork(nn.Module):
    """inputs -> dense -> batch normalisation -> sign -> dense; weights are signs of latent numbers in [-1, 1].

    Other inputs than pictures are centred one by one: a weight that flips moves its sums by twice its input, and the
    normalisation's running means, which follow slowly, are never true of inputs that all lie far from 0.

    `smooth`: the hidden signs are replaced by the function whose slope trained them.
    """

    def __init__(self, facts: DatasetFacts, hidden: int, estimator: Estimator, smooth: bool = False) -> None:
        super().__init__()
        self.scaled = scaled(facts, each=True)
        self.first, self.last = Dense(facts.features, hidden, bias=False), Dense(hidden, facts.classes, bias=False)
        self.norm = _Shifted(hidden)
        self.estimator, self.smooth = estimator, smooth

    def forward(self, x: Tensor) -> Tensor:
        """(N, *shape) -> logits (N, K), whole numbers unless smooth."""
        smooth = _SMOOTH[self.estimator]
        out = self.norm(product(self.scaled(x).flatten(1), _hard(self.first.weight, ste)))
        out = smooth(out) if self.smooth else _hard(out, smooth)
        return product(out, _hard(self.last.weight, ste))


class _Shifted(nn.Module):
    """Batch normalisation with a learnt shift and no learnt scale."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(features, eps=1e-3, momentum=0.1, affine=False)
        self.shift = nn.Parameter(torch.zeros(features))

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        out: Tensor = self.norm(x) + self.shift
        return out


def _clip(parameters: Mapping[str, Tensor]) -> None:
    """Latent weights beyond 1 would need many steps to come back."""
    for name, value in parameters.items():
        if name.endswith("weight"):
            value.clamp_(-1, 1)


@dataclass(frozen=True)
class Bnn(NetworkModel):
    """One hidden layer. The gradient offered is a surrogate: that of the network with smooth activations."""

    hidden: int = param(20, ge=1, help="sign units")
    estimator: Estimator = param("approx-sign", help="whose slope stands for that of the hidden signs")  # noqa: RUF009

    side_by_side: ClassVar[int | None] = 256

    def facts(self) -> ContenderFacts:
        margin = largest_margin(self.votes) if self._hard else 2.0 * self.hidden
        return replace(FACTS, gradients=(f"surrogate/{self.estimator}",), largest_margin=margin, float64=self.votes > 1)

    def network(self, facts: DatasetFacts, generator: torch.Generator) -> nn.Module:
        return draw(BinaryNetwork(facts, self.hidden, self.estimator), generator, "glorot")

    def recipe(self) -> Recipe:
        return replace(super().recipe(), after_step=_clip)

    def fit(self, job: Job) -> VotingContender:
        return self._with_slopes(super().fit(job), job)

    def restore(self, state: State, job: Job) -> VotingContender:
        return self._with_slopes(super().restore(state, job), job)

    def _with_slopes(self, contender: VotingContender, job: Job) -> VotingContender:
        members = [BinaryNetwork(job.facts, self.hidden, self.estimator, smooth=True) for _ in range(self.votes)]
        smooth = Votes(members)
        smooth.load_state_dict(contender.votes.state_dict())
        return VotingContender(contender.votes, self.facts(), hard=self._hard, smooth=smooth.to(job.device))
