"""The search on c: how much the score counts against the size of the change, row by row."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_NEVER = 1e9  # above this no upper end is known yet


@dataclass(frozen=True)
class TradeOff:
    """Per row: the current c with its bracket, and which searches are over. All (N,), in place."""

    c: Tensor
    low: Tensor
    high: Tensor
    done: Tensor  # searches finished, int64

    @classmethod
    def start(cls, n: int, c: float, device: torch.device) -> TradeOff:
        full = {"size": (n,), "dtype": torch.float64, "device": device}
        return cls(
            c=torch.full(fill_value=c, **full),  # type: ignore[call-overload]
            low=torch.full(fill_value=0.0, **full),  # type: ignore[call-overload]
            high=torch.full(fill_value=10 * _NEVER, **full),  # type: ignore[call-overload]
            done=torch.zeros(n, dtype=torch.int64, device=device),
        )

    def advance(self, rows: Tensor, found: Tensor) -> None:
        """End one search of those rows: halve the bracket, or raise c tenfold while none succeeded."""
        c = self.c[rows]
        self.high[rows] = torch.where(found, torch.minimum(self.high[rows], c), self.high[rows])
        self.low[rows] = torch.where(found, self.low[rows], torch.maximum(self.low[rows], c))
        bracketed = self.high[rows] < _NEVER
        self.c[rows] = torch.where(bracketed, (self.low[rows] + self.high[rows]) / 2, c * 10)
        self.done[rows] += 1
