"""Carlini and Wagner's L2 attack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from advbench import Access, AttackFacts, Bounds, ContestError, GradientOracle, Norm, Perturbed, Streams, param

from .adam import Adam
from .hunt import Hunt
from .losses import margin
from .radius import Bracket

_INSIDE = 0.999999  # how far tanh reaches into its bounds: its inverse at an edge is infinite
_TEN = 10.0
_BETTER = 0.9999  # of the loss: less of an improvement in a tenth of a search ends it


@dataclass(frozen=True)
class CarliniWagner:
    """min |x - x0|^2 + c max(kappa - margin, 0) over x = tanh, with a search on c (2017, section VI-A).

    Distances count in units of the range, so that c and the step mean the same for all bounds.
    """

    steps: int = param(200, ge=1, paper="1000 to 10000", help="gradients per value of c")
    searches: int = param(9, ge=1, paper=9, help="values of c tried: up or down tenfold, then by bisection")
    rate: float = param(0.01, gt=0, paper=0.01, help="Adam's step")
    c: float = param(1.0, gt=0, paper=0.001, help="first weight of the score against the change")
    kappa: float = param(0.0, ge=0, paper=0, unit="log-odds", help="margin by which a success must win")
    box: Literal["clip", "tanh"] = param(
        "clip", paper="tanh", help="how points are kept in bounds; tanh hardly moves features that stand at one"
    )
    abort: bool = param(True, help="end a search that ten looks no longer see improve")

    def facts(self) -> AttackFacts:
        return AttackFacts(needs=Access.GRADIENTS, norms=frozenset({Norm.L2}), margin=self.kappa)

    def perturb(self, oracle: GradientOracle, x: Tensor, rng: Streams) -> Perturbed:
        """At most `searches` x `steps` gradients per row."""
        if oracle.bounds is None:
            raise ContestError("cw: inputs must have bounds, got none. Use deepfool or pgd.")
        hunt = Hunt(oracle, x, self.kappa)
        bracket = Bracket.start(torch.full_like(hunt.distance, self.c))
        for _ in range(self.searches):
            rows = hunt.rows()
            if not len(rows):
                break
            found = self._search(hunt, oracle.bounds, rows, bracket.now[rows])
            bracket.advance(rows, found, _TEN)
        return hunt.answer()

    def _search(self, hunt: Hunt, bounds: Bounds, rows: Tensor, c: Tensor) -> Tensor:
        """One value of c per row; bool (R,): was anything found with it?"""
        origin = (hunt.x0[rows] - bounds.low) / bounds.width
        tanh = self.box == "tanh"
        w = _atanh((2 * origin - 1) * _INSIDE) if tanh else origin.clone()
        adam = Adam(w, self.rate)
        found = torch.zeros_like(rows, dtype=torch.bool)
        walking, looked = torch.ones_like(found), torch.full_like(c, torch.inf)
        for k in range(self.steps):
            walking &= hunt.live[rows]
            at = walking.nonzero().flatten()
            if not len(at):
                break
            unit = (torch.tanh(w[at]) + 1) / 2 if tanh else w[at]
            here = hunt.slopes(bounds.clip(bounds.low + bounds.width * unit), rows[at], margin)
            found[at] |= here.hit
            walking[at[~here.steep & ~here.hit]] = False
            short = self.kappa - here.value  # of the margin wanted
            change = unit - origin[at]
            slope = 2 * change - (c[at] * (short > 0))[:, None] * here.grad * bounds.width
            w[at] += adam.step(slope * (2 * unit * (1 - unit)) if tanh else slope, at)
            if not tanh:
                w[at] = w[at].clamp(0, 1)
            if self.abort and k % max(1, self.steps // 10) == 0:
                loss = change.square().sum(dim=1) + c[at] * short.clamp(min=0)
                walking[at[loss > _BETTER * looked[at]]] = False
                looked[at] = loss
        return found


def _atanh(t: Tensor) -> Tensor:
    """torch.atanh differs in the last bit at the end of its memory: rows would depend on their place."""
    return (torch.log1p(t) - torch.log1p(-t)) / 2
