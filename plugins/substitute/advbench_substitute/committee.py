"""Several contenders as one: what breaks all of them is likelier to break another."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from advbench import Access, ChunkLoss, Contender, ContenderFacts, Draws, State


class Committee:
    """Its scores are the mean of the members' log-probabilities; gradients are theirs, put together by the chain rule.

    With g = d loss / d mean, the gradient is the sum over members of d (g . log_softmax(scores)) / n / d x.
    """

    def __init__(self, members: Sequence[Contender]) -> None:
        self.members = tuple(members)
        facts = [member.facts for member in members]
        access = min(one.access for one in facts)
        self.facts = ContenderFacts(
            access=max(access, Access.SCORES) if access >= Access.SCORES else access,
            gradients=("exact",) if all(one.gradients for one in facts) else (),
            stochastic=any(one.stochastic for one in facts),
            chunk=min(one.chunk for one in facts),
            pad=max(one.pad for one in facts),
        )

    def labels(self, x: Tensor, *, noise: Draws | None = None) -> Tensor:
        """int64 (N,); ties go to the lowest class."""
        return self.scores(x, noise=noise).argmax(dim=1)

    def scores(self, x: Tensor, *, noise: Draws | None = None) -> Tensor:
        """float32 (N, K)."""
        return torch.stack([member.scores(x, noise=noise).log_softmax(dim=1) for member in self.members]).mean(dim=0)

    def value_and_grad(
        self, x: Tensor, loss: ChunkLoss, *, gradient: str, noise: Draws | None = None
    ) -> tuple[Tensor, Tensor]:
        """Each member by the gradient that it offers first."""
        with torch.enable_grad():
            mean = self._smooth(x, noise).requires_grad_(True)
            value = loss(mean)
            (pull,) = torch.autograd.grad(value.sum(), mean)
        share = pull / len(self.members)
        total = torch.zeros_like(x)
        for member in self.members:
            _, grad = member.value_and_grad(
                x, lambda scores: (share * scores.log_softmax(dim=1)).sum(dim=1), gradient=member.facts.gradients[0],
                noise=noise,
            )  # fmt: skip
            total = total + grad
        return value.detach(), total

    def _smooth(self, x: Tensor, noise: Draws | None) -> Tensor:
        """The scores that the gradients belong to: a surrogate's are not those of its labels."""
        kept: list[Tensor] = []

        def look(scores: Tensor) -> Tensor:
            kept.append(scores.detach().log_softmax(dim=1))
            return scores.sum(dim=1)

        for member in self.members:
            member.value_and_grad(x, look, gradient=member.facts.gradients[0], noise=noise)
        return torch.stack(kept).mean(dim=0)

    def state(self) -> State:
        """None of its own: it lives for one attack."""
        return State({})
