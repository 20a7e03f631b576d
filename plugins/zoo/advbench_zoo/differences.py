"""Symmetric differences of the attack's objective along single coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from advbench import Goal, ScoreOracle

from .space import Space


def margin(scores: Tensor, goal: Goal, rows: Tensor) -> Tensor:
    """f without its floor, float64 (M,): below 0 where the goal is met (eqs. 4 and 5, log domain)."""
    scores = scores.double()
    wanted = (goal.y if goal.target is None else goal.target)[rows].unsqueeze(1)
    own = scores.gather(1, wanted).squeeze(1)
    rival = scores.scatter(1, wanted, -torch.inf).amax(dim=1)
    return own - rival if goal.target is None else rival - own


@dataclass(frozen=True)
class Probes:
    """Answers around the point of each of R rows, at B coordinates.

    base: margin at the point itself (R,).  plus, minus: margins a step up and down (R, B).
    spacing: distance in u between the two; squares: change of |x - x0|^2 between them, (R, B).
    """

    base: Tensor
    plus: Tensor
    minus: Tensor
    spacing: Tensor
    squares: Tensor

    def slope(self, c: Tensor, kappa: float) -> Tensor:
        """d/du of |x - x0|^2 + c max(f, -kappa), (R, B) (eq. 6). The first part is exact."""
        loss = self.plus.clamp(min=-kappa) - self.minus.clamp(min=-kappa)
        slope = (self.squares + c.unsqueeze(1) * loss) / self.spacing
        return torch.where(self.spacing > 0, slope, torch.zeros_like(slope))

    def informative(self) -> Tensor:
        """Share of coordinates whose two answers differ, (R,)."""
        return (self.plus != self.minus).double().mean(dim=1)


def probe(oracle: ScoreOracle, space: Space, x0: Tensor, u: Tensor, index: Tensor, h: Tensor, rows: Tensor) -> Probes:
    """Ask about each row's point and its 2 B neighbours: 2 B + 1 queries a row, the point first.

    x0, u: float64 (R, d) originals and variables; index: int64 (R, B) coordinates; h: (R,) in
    units of u; rows: int64 (R,) examples of the oracle.
    """
    width = index.shape[1]
    here, origin = u.gather(1, index), x0.gather(1, index)
    up, down = space.keep(here + h.unsqueeze(1)), space.keep(here - h.unsqueeze(1))
    x_up, x_down = space.value(up), space.value(down)
    points = space.value(u).unsqueeze(1).repeat(1, 2 * width + 1, 1)
    points[:, 1 : width + 1].scatter_(2, index.unsqueeze(2), x_up.unsqueeze(2))
    points[:, width + 1 :].scatter_(2, index.unsqueeze(2), x_down.unsqueeze(2))
    asked = rows.repeat_interleave(2 * width + 1)
    answers = margin(oracle.scores(space.inputs(points), asked), oracle.goal, asked).reshape(len(rows), -1)
    return Probes(
        base=answers[:, 0],
        plus=answers[:, 1 : width + 1],
        minus=answers[:, width + 1 :],
        spacing=up - down,
        squares=(x_up - origin).square() - (x_down - origin).square(),
    )
