"""Symmetric differences of the attack's objective along single variables."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from advbench import Goal, ScoreOracle

from .space import Here, Space

LARGEST = 1e6  # log 0 is minus infinity in the paper; a difference of two infinities would be none
AT_ONCE = 1 << 22  # numbers per call: more are built and asked no faster, and fill the memory


def margin(scores: Tensor, goal: Goal, rows: Tensor) -> Tensor:
    """f without its floor, float64 (M,): below 0 where the goal is met (eqs. 10 and 11, log domain)."""
    scores = scores.double()
    wanted = (goal.y if goal.target is None else goal.target)[rows].unsqueeze(1)
    own = scores.gather(1, wanted).squeeze(1)
    rival = scores.scatter(1, wanted, -torch.inf).amax(dim=1)
    return (own - rival if goal.target is None else rival - own).clamp(-LARGEST, LARGEST)


@dataclass(frozen=True)
class Pair:
    """Two moves of each variable and what they did to margin and squared size, (R, B) each.

    Usually a step up and one down; next to the box two different steps to the same side.
    """

    ahead: Tensor
    behind: Tensor
    margins: tuple[Tensor, Tensor]
    squares: tuple[Tensor, Tensor]

    def _losses(self, base: Tensor, c: Tensor, kappa: float) -> tuple[Tensor, Tensor]:
        """Changes of |x - x0|^2 + c max(f, -kappa) by the two moves."""
        at = base.unsqueeze(1).clamp(min=-kappa)
        ahead, behind = (
            square + c.unsqueeze(1) * (f.clamp(min=-kappa) - at)
            for f, square in zip(self.margins, self.squares, strict=True)
        )
        return ahead, behind

    def secant(self, base: Tensor, c: Tensor, kappa: float) -> Tensor:
        """The objective's difference over the distance (eq. 12)."""
        ahead, behind = self._losses(base, c, kappa)
        return _over(ahead - behind, self.ahead - self.behind)

    def parabola(self, base: Tensor, c: Tensor, kappa: float) -> tuple[Tensor, Tensor]:
        """Slope and curvature at the point itself of the parabola through the three points (eqs. 12 and 13).

        With a single move left inside the box: the secant, and no curvature.
        """
        ahead, behind = self._losses(base, c, kappa)
        up, down = _over(ahead, self.ahead), _over(behind, self.behind)
        width = self.ahead - self.behind
        whole = (self.ahead != 0) & (self.behind != 0)
        slope = torch.where(whole, _over(down * self.ahead - up * self.behind, width), _over(ahead - behind, width))
        return slope, torch.where(whole, 2 * _over(up - down, width), 0.0)

    def informative(self, noise: Tensor) -> Tensor:
        """Share of variables whose two answers differ by more than noise (R,), (R,)."""
        return ((self.margins[0] - self.margins[1]).abs() > noise.unsqueeze(1)).double().mean(dim=1)


def _over(change: Tensor, distance: Tensor) -> Tensor:
    return torch.where(distance != 0, change / distance, 0.0)


def moves(space: Space, here: Here, index: Tensor, h: Tensor, mirror: bool = False) -> tuple[Tensor, Tensor]:
    """A step of h (R,) up and one down, (R, B) each, cut off at the box.

    mirror: a step that the box cuts becomes one of 2 h to the other side, if that fits: next to
    the box three points are needed too.
    """
    ahead = h.unsqueeze(1).expand(index.shape)
    up, down = space.reach(here, index, ahead), space.reach(here, index, -ahead)
    if not mirror:
        return up, down
    far_up, far_down = space.reach(here, index, 2 * ahead), space.reach(here, index, -2 * ahead)
    short = 0.999 * ahead  # less than a step: rounding is no cut
    return (
        torch.where((up < short) & (-far_down > 2 * short), far_down, up),
        torch.where((-down < short) & (far_up > 2 * short), far_up, down),
    )


@dataclass(frozen=True)
class Asking:
    """How points of one space are put to the oracle: as inputs of that shape and dtype."""

    oracle: ScoreOracle
    space: Space
    shape: tuple[int, ...]
    dtype: torch.dtype

    def probe(
        self, here: Here, index: Tensor, steps: tuple[tuple[Tensor, Tensor], ...], rows: Tensor
    ) -> tuple[Tensor, tuple[Pair, ...]]:
        """Ask about each row's point and its moves, the point first; return its margin (R,) and a Pair per step.

        index: int64 (R, B); steps: two moves (R, B) of those variables each; rows: int64 (R,)
        examples of the oracle. 1 + 2 B queries a row for one step, 1 + 4 B for two.
        """
        move = torch.cat([side for step in steps for side in step], dim=1)
        at = index.repeat(1, 2 * len(steps))
        margins = self._margins(here, at, move, rows)
        sides = margins[:, 1:].chunk(2 * len(steps), dim=1)
        squares = self.space.squares(here, at, move).chunk(2 * len(steps), dim=1)
        return margins[:, 0], tuple(
            Pair(*step, margins=(sides[2 * i], sides[2 * i + 1]), squares=(squares[2 * i], squares[2 * i + 1]))
            for i, step in enumerate(steps)
        )

    def again(self, here: Here, rows: Tensor, times: int) -> Tensor:
        """Margins of the rows' own points asked that often, (R, times)."""
        nothing = here.x0.new_zeros(len(rows), times - 1)
        return self._margins(here, nothing.long(), nothing, rows)

    def _margins(self, here: Here, index: Tensor, move: Tensor, rows: Tensor) -> Tensor:
        """Margins of the points and of each moved one, (R, 1 + P); asked a few rows at a time."""
        count = 1 + index.shape[1]
        together = max(1, AT_ONCE // (count * here.x0.shape[1]))
        found = []
        for start in range(0, len(rows), together):
            part = slice(start, start + together)
            asked = rows[part].repeat_interleave(count)
            points = self.space.points(here.part(part), index[part], move[part], self.dtype)
            scores = self.oracle.scores(points.reshape(-1, *self.shape), asked)
            found.append(margin(scores, self.oracle.goal, asked))
        return torch.cat(found).reshape(len(rows), count)
