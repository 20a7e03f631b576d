"""SurFree, the runner-up of the comparison that chose CGBA: no gradient is estimated, every direction is tried.

Maho, Furon and Le Merrer, "SurFree: a fast surrogate-free black-box attack" (2021), L2, untargeted.
It begins as CGBA does, so that only what follows is compared.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from advbench import LabelOracle, Perturbed, Streams
from advbench_decision.hunt import Hunt, dot, unit
from advbench_decision.noise import cosines
from advbench_decision.start import find, to_boundary

TRIES, HALVINGS = 3, 10  # angles of each sign (T), bisections of an angle
WIDEST, SHRINK = math.radians(30), 0.98  # the first largest angle, and by what it changes
MEMORY = 100  # directions that a new one is orthogonal to (L)


@dataclass(frozen=True)
class SurFree:
    """`share`: of the cosines per side that directions of images are made of."""

    share: float = 0.5

    def perturb(self, oracle: LabelOracle, x: Tensor, rng: Streams) -> Perturbed:
        hunt = Hunt(oracle, x, "surfree")
        at = find(hunt, rng, 1000)
        rows = hunt.rows()
        at[rows] = to_boundary(hunt, at[rows], rows, 1e-2)
        basis = _basis(x, self.share)
        kept = at.new_zeros(len(at), min(MEMORY, len(basis) // 2), at.shape[1])
        widest, turn = at.new_full((len(at), 1), WIDEST), 0
        while len(rows := hunt.rows()):
            ahead = unit(at[rows] - hunt.x0[rows])
            aside = rng.normal(rows, (len(basis),)).double() @ basis
            for _ in range(2):  # twice, against rounding
                aside = aside - ((kept[rows] * aside[:, None]).sum(dim=2, keepdim=True) * kept[rows]).sum(dim=1)
                aside = unit(aside - dot(aside, ahead) * ahead)
            kept[rows, turn % kept.shape[1]] = aside
            turn += 1
            at[rows], won = _turned(hunt, at[rows], ahead, aside, widest[rows], rows)
            widest[rows] = torch.where(won, widest[rows] / SHRINK, widest[rows] * SHRINK).clamp(max=math.pi / 2)
        return hunt.answer()


def _turned(
    hunt: Hunt, at: Tensor, ahead: Tensor, aside: Tensor, widest: Tensor, rows: Tensor
) -> tuple[Tensor, Tensor]:
    """The best point on the circle through `at` and the input, and whether there was one (R, 1)."""
    length = (at - hunt.x0[rows]).norm(dim=1, keepdim=True)
    best, won = at.clone(), torch.zeros_like(widest, dtype=torch.bool)
    low, high = torch.zeros_like(widest), torch.zeros_like(widest)

    def ask(angle: Tensor, at_rows: Tensor) -> Tensor:
        """Which (M,) of these rows hold at that angle (M, 1); their best points follow."""
        turn = angle.cos() * (angle.cos() * ahead[at_rows] + angle.sin() * aside[at_rows])
        points = hunt.placed(hunt.x0[rows[at_rows]] + length[at_rows] * turn)
        hit = hunt.met(points, rows[at_rows])
        best[at_rows[hit]] = points[hit]
        return hit

    for tried in range(2 * TRIES):
        open_ = (~won.squeeze(1) & hunt.oracle.live[rows]).nonzero().flatten()
        sign, rung = 1 - 2 * (tried % 2), TRIES - tried // 2
        angle = sign * widest[open_] * rung / TRIES
        hit = ask(angle, open_)
        found = open_[hit]
        won[found], low[found] = True, angle[hit]
        high[found] = (sign * widest[open_] * (rung + 1) / TRIES)[hit] if rung < TRIES else sign * math.pi / 2
    for _ in range(HALVINGS):
        open_ = (won.squeeze(1) & hunt.oracle.live[rows]).nonzero().flatten()
        middle = (low[open_] + high[open_]) / 2
        hit = ask(middle, open_)[:, None]
        low[open_], high[open_] = torch.where(hit, middle, low[open_]), torch.where(hit, high[open_], middle)
    return best, won


def _basis(x: Tensor, share: float) -> Tensor:
    """Orthonormal rows (f, d)."""
    if x.dim() != 4:
        return torch.eye(x[0].numel(), dtype=torch.float64)
    down, across = (cosines(n, max(1, round(share * n))) for n in x.shape[2:])
    return torch.kron(torch.eye(x.shape[1], dtype=torch.float64), torch.kron(down, across))
