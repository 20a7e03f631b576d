"""Learning sigma: Adam with reflection (eq. 7), and a watch on levels that vanish or run away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor

from .normals import Float32, kernel

Epsilon: TypeAlias = Literal["outside", "printed"]
_BETAS, _EPS = (0.9, 0.999), 1e-8
_LOST, _GROWN = 0.05, 10.0  # of a layer's median sigma, against its start


class SigmaAdam:
    """sigma <- |sigma - rate x h / (sqrt(v) + 1e-8)|, h and v the corrected means of the gradient and its square.

    reflect: take the absolute value.  epsilon=printed: sqrt(v + 1e-8), as eq. 7 has it, a hundred
    thousand times as large where the gradient vanishes.  decay: L2 penalty added to the gradient.
    """

    def __init__(
        self, sigma: torch.nn.Parameter, rate: float, *, decay: float = 0.0, reflect: bool = True,
        epsilon: Epsilon = "outside",
    ) -> None:  # fmt: skip
        self.sigma, self.rate, self.decay, self.reflect, self.epsilon = sigma, rate, decay, reflect, epsilon
        self.first, self.second = torch.zeros_like(sigma.data), torch.zeros_like(sigma.data)
        self.steps = 0

    @torch.no_grad()
    def step(self) -> None:
        """One step along sigma.grad, which is emptied."""
        grad = self.sigma.grad
        if grad is None or not len(self.sigma):
            return
        if self.decay:
            grad = grad.add(self.sigma, alpha=self.decay)
        self.steps += 1
        rate, share = self.rate / (1 - _BETAS[0] ** self.steps), 1 - _BETAS[1] ** self.steps
        if grad.device.type == "cpu":
            arrays = (t.detach().numpy() for t in (self.sigma, grad, self.first, self.second))
            _move(*arrays, rate, share, *_BETAS, _EPS, self.epsilon == "printed", self.reflect)
        else:
            self._move(grad, rate, share)
        self.sigma.grad = None

    def _move(self, grad: Tensor, rate: float, share: float) -> None:
        self.first.lerp_(grad, 1 - _BETAS[0])
        self.second.mul_(_BETAS[1]).addcmul_(grad, grad, value=1 - _BETAS[1])
        square = self.second / share
        root = (square + _EPS).sqrt_() if self.epsilon == "printed" else square.sqrt_().add_(_EPS)
        self.sigma.addcdiv_(self.first, root, value=-rate)
        if self.reflect:
            self.sigma.abs_()

    def state(self) -> dict[str, Tensor]:
        """All that the next step starts from, but sigma."""
        return {"first": self.first, "second": self.second, "steps": torch.tensor(self.steps)}

    def resume(self, state: dict[str, Tensor]) -> None:
        """Stand where `state` was taken."""
        self.first.copy_(state["first"])
        self.second.copy_(state["second"])
        self.steps = int(state["steps"])


@kernel
def _move(
    sigma: Float32, grad: Float32, first: Float32, second: Float32, rate: float, share: float, beta1: float,
    beta2: float, epsilon: float, printed: bool, reflect: bool,
) -> None:  # fmt: skip
    """`SigmaAdam._move` in one call: for small networks its eight would be a large part of what noise costs."""
    inside, outside = (epsilon, 0.0) if printed else (0.0, epsilon)
    for i in range(sigma.size):
        first[i] += (1 - beta1) * (grad[i] - first[i])
        second[i] = beta2 * second[i] + (1 - beta2) * grad[i] * grad[i]
        moved = sigma[i] - rate * first[i] / (np.sqrt(second[i] / share + inside) + outside)
        sigma[i] = abs(moved) if reflect else moved


class Watch:
    """Tells once of each layer whose median sigma falls below 5 % of its start or two steps, or grows tenfold."""

    def __init__(
        self, names: Sequence[str], levels: Sequence[Tensor], rate: float, note: Callable[[str], None]
    ) -> None:
        self.names, self.start, self.rate, self._note = names, [_median(level) for level in levels], rate, note
        self._told: set[str] = set()

    def look(self, levels: Sequence[Tensor], epoch: int) -> None:
        """Compare with the start; epochs are counted from 1."""
        for name, start, level in zip(self.names, self.start, levels, strict=True):
            now = _median(level)
            least, most = max(_LOST * start, 2 * self.rate), _GROWN * max(start, 0.1)
            collapsed = now < least <= start
            if name in self._told or (now <= most and not collapsed):
                continue
            self._told.add(name)
            what, limit = ("collapsed", f">= {least:.3g}") if collapsed else ("exploded", f"<= {most:.3g}")
            advice = "Its noise no longer matters: try learn=no" if collapsed else "Lower sigma or sigma_rate"
            self._note(
                f"the median sigma of {name} must be {limit}, got {now:.3g} after epoch {epoch}: it has {what}"
                f" from {start:.3g}. {advice}."
            )


def _median(level: Tensor) -> float:
    return float(level.detach().abs().median())
