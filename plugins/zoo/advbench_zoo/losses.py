"""What the loss did, on request: the paper's Table 3 and Figure 5."""

from __future__ import annotations

import torch
from torch import Tensor

MOST = 500  # points of a curve; each is two columns of the report


class Losses:
    """The loss |x - x0|^2 + c max(f, -kappa) and its second part alone, at chosen steps of a row's last search.

    every: steps between two of them, 0 = keep none; longest: steps of a search.
    """

    def __init__(self, rows: int, every: int, longest: int, device: torch.device) -> None:
        self.every = every
        points = longest // every if every else 0
        unknown = {"fill_value": torch.nan, "dtype": torch.float64, "device": device}
        self.first_valid, self.final, self.final_score = (
            torch.full((rows,), **unknown)  # type: ignore[call-overload]
            for _ in range(3)
        )
        self.total = torch.full((rows, points), **unknown)  # type: ignore[call-overload]
        self.score = self.total.clone()

    def note(self, rows: Tensor, taken: Tensor, age: Tensor, won: Tensor, loss: Tensor, score: Tensor) -> None:
        """After those rows' step number `taken` in all, `age` in this search, both from 1; all (R,)."""
        if not self.every:
            return
        new = won & self.first_valid[rows].isnan()
        self.first_valid[rows[new]] = taken[new].double()
        self.final[rows], self.final_score[rows] = loss, score
        begins = rows[age == 1]
        self.total[begins], self.score[begins] = torch.nan, torch.nan
        due = age % self.every == 0
        at = (rows[due], age[due] // self.every - 1)
        self.total[at], self.score[at] = loss[due], score[due]

    def notes(self) -> dict[str, Tensor]:
        """Columns (N,), NaN for steps not reached: first_valid_step, final_loss, loss_00100, score_loss_00100 ..."""
        if not self.every:
            return {}
        found = {
            "first_valid_step": self.first_valid,
            "final_loss": self.final,
            "final_score_loss": self.final_score,
        }
        for i in range(self.total.shape[1]):
            step = f"{(i + 1) * self.every:05d}"
            found |= {f"loss_{step}": self.total[:, i], f"score_loss_{step}": self.score[:, i]}
        return found
