"""The search on c: how much the score counts against the size of the change, row by row."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .differences import Pair

_NEVER = 1e9  # above this no upper end is known yet
_AMPLE = 3.0  # times the least c that a linear contender would need
_UNTOLD = 0.2  # c where the first slopes tell nothing
_LEAST, _MOST = 1e-6, 1e6


def first_weight(base: Tensor, pair: Pair, noise: Tensor, count: int, kappa: float) -> Tensor:
    """c for the first search, (R,), from the probes around the inputs themselves, which a step makes anyhow.

    If f were linear, |x - x0|^2 + c f would be least beyond the boundary from c = 2 f / |df/dx|^2 on. The slope's
    square is the mean over the probed variables, of `count` in all. base: f + kappa wanted, (R,); noise: differences
    up to this (R,) mean nothing.
    """
    # At the input the squared size is that of the move alone: how far the point went, in units of x.
    ahead, behind = (
        move.sign() * square.clamp(min=0).sqrt()
        for move, square in zip((pair.ahead, pair.behind), pair.squares, strict=True)
    )
    change, distance = pair.margins[0] - pair.margins[1], ahead - behind
    told = (change.abs() > noise.unsqueeze(1)) & (distance != 0)
    slope = torch.where(told, change / torch.where(told, distance, 1.0), 0.0)
    steep, far = slope.square().mean(dim=1) * count, base + kappa
    known = (steep > 0) & (far > 0)
    needed = 2 * far / torch.where(known, steep, 1.0)
    return torch.where(known, (_AMPLE * needed).clamp(_LEAST, _MOST), _UNTOLD)


@dataclass(frozen=True)
class TradeOff:
    """Per row: the current c with its bracket, and which searches are over. All (N,), in place."""

    c: Tensor
    low: Tensor
    high: Tensor
    done: Tensor  # searches finished, int64

    @classmethod
    def start(cls, n: int, c: float | None, device: torch.device) -> TradeOff:
        """With None, c is no number until a row's first step has told one."""
        full = {"size": (n,), "dtype": torch.float64, "device": device}
        return cls(
            c=torch.full(fill_value=torch.nan if c is None else c, **full),  # type: ignore[call-overload]
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
