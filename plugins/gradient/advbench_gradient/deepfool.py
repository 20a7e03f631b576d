"""DeepFool: walks to the nearest face of the linearised decision region."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from advbench import Access, AttackFacts, GradientOracle, Norm, Perturbed, Streams, param

from .hunt import Hunt
from .losses import difference, margin
from .norms import TINY, dual_size

_BEYOND = 1e-4  # of the first lead: so far behind the face


@dataclass(frozen=True)
class DeepFool:
    """Each step goes to the face that is nearest if all scores were linear (2016, Algorithm 2)."""

    steps: int = param(50, ge=1, paper=50, help="most steps; a row ends at its first success")
    overshoot: float = param(0.02, ge=0, paper=0.02, unit="share of the change", help="how far to go behind the face")
    classes: int = param(10, ge=1, paper=10, help="other classes looked at, the likeliest; a gradient each per step")

    def facts(self) -> AttackFacts:
        return AttackFacts(needs=Access.GRADIENTS, norms=frozenset({Norm.L2, Norm.LINF}))

    def perturb(self, oracle: GradientOracle, x: Tensor, rng: Streams) -> Perturbed:
        """A query to rank the classes, then a gradient per class and step."""
        hunt = Hunt(oracle, x, lead=1.0)
        self._walk(hunt)
        return hunt.answer()

    def _walk(self, hunt: Hunt) -> None:
        goal = hunt.oracle.goal
        faces = [goal.target] if goal.target is not None else hunt.rivals(self.classes)
        classes = torch.stack(faces, dim=1)  # (N, F)
        gain = difference if goal.target is None else margin
        change, points = torch.zeros_like(hunt.x0), hunt.x0.clone()
        open_ = torch.ones_like(hunt.live)
        for _ in range(self.steps):
            rows = (open_ & hunt.live).nonzero().flatten()
            if not len(rows):
                return
            count = classes.shape[1]
            repeated = rows.repeat_interleave(count)
            here = hunt.slopes(points[repeated], repeated, gain, classes[rows].flatten())
            grad = here.grad.reshape(len(rows), count, -1)
            value = here.value.reshape(len(rows), count)
            move, led = _to_nearest(grad, value, hunt.norm)
            going = ~here.hit.reshape(len(rows), count).any(dim=1) & led
            open_[rows] = going
            rows = rows[going]
            change[rows] += move[going]
            moved = hunt.x0[rows] + (1 + self.overshoot) * change[rows]
            points[rows] = moved if hunt.oracle.bounds is None else hunt.oracle.bounds.clip(moved)
        rows = (open_ & hunt.live).nonzero().flatten()
        if len(rows):
            hunt.test(points[rows], rows)


def _to_nearest(grad: Tensor, value: Tensor, norm: Norm) -> tuple[Tensor, Tensor]:
    """The smallest change (R, d) that lifts one of the linear faces, given (R, F, d) and (R, F), to zero.

    Also bool (R,): whether any face has a gradient at all.
    """
    flat = grad.flatten(0, 1)
    dual = dual_size(flat, norm).reshape(value.shape)
    lack = value.neg().clamp(min=0) + _BEYOND
    away = torch.where(dual > 0, lack / dual.clamp(min=TINY), torch.inf)
    nearest = away.argmin(dim=1)
    here = torch.arange(len(nearest), device=nearest.device)
    way, length, steep = grad[here, nearest], away[here, nearest, None], dual[here, nearest, None]
    unit = way.sign() if norm is Norm.LINF else way / steep.clamp(min=TINY)
    led = length.isfinite()
    return torch.where(led, length * unit, 0.0), led[:, 0]
