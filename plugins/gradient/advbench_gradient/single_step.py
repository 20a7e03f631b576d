"""One gradient, one step: FGSM and its L1 and L2 forms."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from advbench import Access, AttackFacts, GradientOracle, Norm, Perturbed, Streams, param

from .hunt import Hunt
from .losses import LOSS_HELP, LOSSES, gain_for, lead_for, least_classes
from .norms import Ball, direction
from .radius import largest

_AT_ONCE = 32  # eps of the grid asked in one call: a row is charged for at most so many too many


@dataclass(frozen=True)
class SingleStep:
    """x + eps direction(gradient), clipped; without eps, the smallest eps of a grid that succeeds."""

    loss: str = param("auto", choices=LOSSES, paper="ce", help=LOSS_HELP)
    grid: int = param(1000, ge=1, paper=1000, help="without eps: values tried, evenly spaced up to `top`")
    top: float | None = param(
        None, gt=0, unit="input units", paper="1 linf, 10 l2, 1000 l1",
        help="largest eps of the grid; none: the longest change inside the bounds",
    )  # fmt: skip
    returns: str = param(
        "success",
        choices=("success", "last"),
        help="last: within an eps, the end point whatever it reached, for training against and for transfer",
    )

    def _facts(self, *norms: Norm) -> AttackFacts:
        return AttackFacts(needs=Access.GRADIENTS, norms=frozenset(norms), min_classes=least_classes(self.loss))

    def perturb(self, oracle: GradientOracle, x: Tensor, rng: Streams) -> Perturbed:
        """One gradient per row; then one query, or one for each eps up to the first that succeeds."""
        hunt, end = Hunt(oracle, x, lead=lead_for(self.loss)), x.flatten(1).clone()

        rows = hunt.rows()
        here = hunt.slopes(hunt.x0[rows], rows, gain_for(self.loss, oracle.loss))
        rows, way = rows[here.steep], direction(here.grad[here.steep], hunt.norm)
        if oracle.threat.eps is None:
            self._over_grid(hunt, rows, way)
            return hunt.answer()
        eps = hunt.x0.new_full((len(rows), 1), oracle.threat.eps)
        end[rows] = Ball(hunt.norm, hunt.x0[rows], eps, oracle.bounds).project(hunt.x0[rows] + eps * way)
        hunt.test(end[rows], rows)
        return hunt.answer(end if self.returns == "last" and hunt.oracle.threat.eps is not None else None)

    def _over_grid(self, hunt: Hunt, rows: Tensor, way: Tensor) -> None:
        top = self.top or largest(hunt)
        grid = torch.arange(1, self.grid + 1, device=rows.device, dtype=torch.float64) * (top / self.grid)
        for eps in torch.split(grid.to(hunt.x0), _AT_ONCE):
            keep = (hunt.live[rows] & hunt.distance[rows].isinf()).nonzero().flatten()
            rows, way = rows[keep], way[keep]
            if not len(rows):
                break
            points = hunt.x0[rows, None] + eps[:, None] * way[:, None]  # (R, E, d)
            if hunt.oracle.bounds is not None:
                points = hunt.oracle.bounds.clip(points)
            hunt.test(points.flatten(0, 1), rows.repeat_interleave(len(eps)))


@dataclass(frozen=True)
class Fgsm(SingleStep):
    """The fast gradient sign method: every feature moves by eps (Goodfellow et al. 2015)."""

    def facts(self) -> AttackFacts:
        return self._facts(Norm.LINF)


@dataclass(frozen=True)
class Fgm(SingleStep):
    """The fast gradient method: one step of length eps along g / |g|_2 or g / |g|_1."""

    def facts(self) -> AttackFacts:
        return self._facts(Norm.L1, Norm.L2)
