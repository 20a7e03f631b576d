"""The search on c: how much the score counts against the size of the change, row by row."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_TEN = 10.0


@dataclass(frozen=True)
class Bracket:
    """Per row the c to try, and what is known of the least one that works. All (N,), in place."""

    now: Tensor
    low: Tensor
    high: Tensor

    @classmethod
    def start(cls, first: Tensor) -> Bracket:
        return cls(first.clone(), torch.zeros_like(first), torch.full_like(first, torch.inf))

    def advance(self, rows: Tensor, found: Tensor) -> None:
        """Those rows have tried `now`: halve the bracket, or go up tenfold while nothing worked."""
        now = self.now[rows]
        self.high[rows] = torch.where(found, torch.minimum(self.high[rows], now), self.high[rows])
        self.low[rows] = torch.where(found, self.low[rows], torch.maximum(self.low[rows], now))
        middle = (self.low[rows] + self.high[rows]) / 2
        self.now[rows] = torch.where(self.high[rows].isinf(), now * _TEN, middle)
