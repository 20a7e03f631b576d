"""AdaDelta that goes through the weights once per step, not once per operation."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from .reach import Workers

_SPAN = 1 << 15  # numbers that stay in the cache from the first operation to the last


class Adadelta(torch.optim.Adadelta):
    """torch's, with the same state and numbers; on CPU it takes span by span, and a crew shares them."""

    def __init__(self, parameters: Iterable[nn.Parameter], rate: float, crew: Workers) -> None:
        super().__init__(parameters, rate, foreach=True)
        self._crew = crew

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Move the parameters that have gradients."""
        moved = [(part, group) for group in self.param_groups for part in group["params"] if part.grad is not None]
        if closure is not None or any(part.device.type != "cpu" for part, _ in moved):
            found: float | None = super().step(closure)
            return found
        for part, group in moved:
            self._move(part, group["lr"], group["rho"], group["eps"])
        return None

    def _move(self, part: Tensor, rate: float, rho: float, eps: float) -> None:
        assert part.grad is not None
        state = self.state[part]
        if not state:
            state["step"] = torch.zeros(())
            state["square_avg"], state["acc_delta"] = torch.zeros_like(part), torch.zeros_like(part)
        state["step"] += 1
        arrays = part.detach(), part.grad.contiguous(), state["square_avg"], state["acc_delta"]
        flat = [array.view(-1) for array in arrays]

        def work(first: int, last: int) -> None:
            for start in range(first, last, _SPAN):
                weights, grad, squares, moves = (array[start : min(last, start + _SPAN)] for array in flat)
                squares.mul_(rho).addcmul_(grad, grad, value=1 - rho)
                move = moves.add(eps).sqrt_().div_(squares.add(eps).sqrt_()).mul_(grad)
                moves.mul_(rho).addcmul_(move, move, value=1 - rho)
                weights.add_(move, alpha=-rate)

        self._crew.spread(work, part.numel(), _SPAN)
