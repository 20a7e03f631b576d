"""A trained network in the contest: scores, both gradients, and what it can prove."""

from __future__ import annotations

import torch
from torch import Tensor

from advbench import Bounds, ChunkLoss, ContenderFacts, Draws, Norm, TorchContender

from .network import Derivatives, RbfiNetwork

_TRUE = Derivatives()


class RbfiContender(TorchContender):
    """Scores are the logarithms of the outputs, so that saturated outputs still differ.

    Gradients: `exact`, and `surrogate`, the paper's pseudogradient of the same scores.
    """

    def __init__(self, network: RbfiNetwork, facts: ContenderFacts, pseudo: Derivatives, bounds: Bounds) -> None:
        super().__init__(network.requires_grad_(False), facts)  # attacks move inputs alone
        self.pseudo, self.bounds = pseudo, bounds

    def scores(self, x: Tensor, *, noise: Draws | None = None) -> Tensor:
        """float32 (N, K), log outputs."""
        with torch.no_grad():
            return self._logs(x, _TRUE)

    def value_and_grad(
        self, x: Tensor, loss: ChunkLoss, *, gradient: str = "exact", noise: Draws | None = None
    ) -> tuple[Tensor, Tensor]:
        """By backpropagation, with true derivatives or those that stand in for them."""
        x = x.detach().requires_grad_(True)
        with torch.enable_grad():
            value = loss(self._logs(x, _TRUE if gradient == "exact" else self.pseudo))
            (grad,) = torch.autograd.grad(value.sum(), x)
        return value.detach(), grad

    def certify(self, x: Tensor, norm: Norm, eps: float) -> Tensor:
        """bool (N,): whether no point within eps and the bounds gets another label, as interval propagation proves.

        Intervals bound each input alone, which is the linf ball; the l2 and l1 balls of that size lie within it.
        Nothing is claimed for other norms.
        """
        if norm not in (Norm.LINF, Norm.L2, Norm.L1):
            return torch.zeros(len(x), dtype=torch.bool, device=x.device)
        network = self._for(x.dtype)
        assert isinstance(network, RbfiNetwork)
        with torch.no_grad():
            low, high = network.logs_within(self.bounds.clip(x - eps), self.bounds.clip(x + eps))
            own = self.labels(x).unsqueeze(1)
            rival = high.scatter(1, own, -torch.inf).amax(dim=1)
            proved: Tensor = low.gather(1, own).squeeze(1) > rival
        return proved

    def _logs(self, x: Tensor, by: Derivatives) -> Tensor:
        network = self._for(x.dtype)
        assert isinstance(network, RbfiNetwork)
        return network.logs(x, by)
