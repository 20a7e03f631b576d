"""The saliency map attack: pushes the few features that tell most to their bound."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from advbench import Access, AttackFacts, Bounds, ContestError, GradientOracle, Norm, Perturbed, Streams, param

from .hunt import Hunt
from .losses import LEAD_HELP, chance, others

_CANDIDATES = 128  # features that may form pairs; all of them where there are no more


@dataclass(frozen=True)
class Jsma:
    """Step by step, the feature or pair of highest saliency for the class aimed at (Papernot et al. 2016).

    Saliency is |a b| where moving the feature raises log p of that class (a) and lowers the sum of
    the others' (b). Untargeted it aims at the likeliest other class.
    """

    theta: float = param(1.0, gt=0, le=1, paper=1, unit="share of the range", help="how far a feature moves at once")
    features: int = param(2, choices=(1, 2), paper=2, help="features moved per step")
    change: str = param(
        "both", choices=("up", "down", "both"), paper="up", help="whether features are raised, lowered, or as fits"
    )
    share: float = param(1.0, gt=0, le=1, paper=0.145, help="of the features that may be changed, eps aside")
    lead: float | None = param(0.01, gt=0, unit="log-odds", paper="none", help=LEAD_HELP)

    def facts(self) -> AttackFacts:
        return AttackFacts(needs=Access.GRADIENTS, norms=frozenset({Norm.L0}))

    def perturb(self, oracle: GradientOracle, x: Tensor, rng: Streams) -> Perturbed:
        """Two gradients per step, and one query to choose a class if none is given."""
        if oracle.bounds is None:
            raise ContestError("jsma: inputs must have bounds, got none. Use deepfool or pgd.")
        hunt = Hunt(oracle, x, lead=self.lead)
        self._walk(hunt)
        return hunt.answer()

    def _walk(self, hunt: Hunt) -> None:
        goal, bounds = hunt.oracle.goal, hunt.oracle.bounds
        assert bounds is not None
        aim = goal.target if goal.target is not None else hunt.rivals(1)[0]
        most = self._most(hunt)
        points, ways = hunt.x0.clone(), torch.zeros_like(hunt.x0)  # ways: 1 raised, -1 lowered, 0 neither
        open_ = torch.ones_like(hunt.live)
        while True:
            rows = (open_ & hunt.live).nonzero().flatten()
            if not len(rows):
                return
            own = hunt.slopes(points[rows], rows, chance, aim[rows])
            open_[rows] = own.steep & ~own.hit
            at = (open_ & hunt.live)[rows].nonzero().flatten()
            if not len(at):
                continue
            rows, gain = rows[at], own.grad[at]
            loss = hunt.slopes(points[rows], rows, others, aim[rows]).grad
            step = self._step(gain, -loss, points[rows], ways[rows], bounds, most)
            open_[rows] = step.ne(0).any(dim=1)
            points[rows] = bounds.clip(points[rows] + self.theta * bounds.width * step)
            ways[rows] = torch.where(step != 0, step, ways[rows])

    def _most(self, hunt: Hunt) -> int:
        """How many features may be changed."""
        share = max(1, int(self.share * hunt.x0.shape[1]))
        eps = hunt.oracle.threat.eps
        return share if eps is None else min(share, int(eps))

    def _step(self, gain: Tensor, loss: Tensor, points: Tensor, ways: Tensor, bounds: Bounds, most: int) -> Tensor:
        """Which features to raise (1) or lower (-1), (R, d); a row without any is over.

        gain, loss: how raising a feature raises log p of the class aimed at, and lowers the others'.
        """
        count = max(1, min(self.features, most))
        full = (ways != 0).sum(dim=1, keepdim=True) + count > most
        usable = (ways != 0) | ~full
        worth, chosen = _most_salient(gain, loss, usable & (ways >= 0) & (points < bounds.high), count)
        worth_down, down = _most_salient(-gain, -loss, usable & (ways <= 0) & (points > bounds.low), count)
        if self.change == "up":
            worth_down = torch.zeros_like(worth_down)
        elif self.change == "down":
            worth = torch.zeros_like(worth)
        lower = worth_down > worth
        chosen = torch.where(lower[:, None], down, chosen)
        way = torch.where(lower, -1.0, 1.0) * (torch.maximum(worth, worth_down) > 0)
        return torch.zeros_like(gain).scatter_(1, chosen, way.to(gain)[:, None].expand_as(chosen))


def _most_salient(gain: Tensor, loss: Tensor, free: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The feature or the pair of highest saliency: its size (R,), 0 = none, and its features (R, count)."""
    if count == 1:
        best, at = torch.where(free & (gain > 0) & (loss > 0), gain * loss, 0.0).max(dim=1, keepdim=True)
        return best[:, 0], at
    k = min(_CANDIDATES, gain.shape[1])
    likely = torch.where(free, gain + loss, -torch.inf).topk(k, dim=1).indices
    gain, loss, free = gain.gather(1, likely), loss.gather(1, likely), free.gather(1, likely)
    gains, losses = gain[:, :, None] + gain[:, None], loss[:, :, None] + loss[:, None]
    able = (free[:, :, None] & free[:, None] & (gains > 0) & (losses > 0)).triu(diagonal=1)
    best, at = torch.where(able, gains * losses, 0.0).flatten(1).max(dim=1)
    return best, torch.stack([likely.gather(1, index[:, None])[:, 0] for index in (at // k, at % k)], dim=1)
