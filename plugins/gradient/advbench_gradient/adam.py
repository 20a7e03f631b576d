"""Adam (Kingma and Ba 2015), row by row: each row counts its own steps."""

from __future__ import annotations

import torch
from torch import Tensor

_B1, _B2, _EPSILON = 0.9, 0.999, 1e-8


class Adam:
    """Moments like `like` (R, d); every row given to `step` has taken as many steps as the others given."""

    def __init__(self, like: Tensor, rate: float) -> None:
        self.rate, self.taken = rate, 0
        self.first, self.second = torch.zeros_like(like), torch.zeros_like(like)

    def step(self, grad: Tensor, at: Tensor) -> Tensor:
        """The move, downhill, of the rows `at`."""
        self.taken += 1
        self.first[at] = _B1 * self.first[at] + (1 - _B1) * grad
        self.second[at] = _B2 * self.second[at] + (1 - _B2) * grad.square()
        mean = self.first[at] / (1 - _B1**self.taken)
        spread = (self.second[at] / (1 - _B2**self.taken)).sqrt()
        return -self.rate * mean / (spread + _EPSILON)
