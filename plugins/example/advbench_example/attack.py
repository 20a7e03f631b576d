"""The attack: all that it knows comes from the oracle, all that it draws from rng."""

from dataclasses import dataclass

import torch
from torch import Tensor

from advbench import LabelOracle, Perturbed, Streams, param


@dataclass(frozen=True)
class RandomWalkAttack:
    """Keeps the closest point that met the goal, turns it at random, pulls it in, and asks again."""

    steps: int = param(2000, ge=1, help="points asked per input, budget permitting")
    turn: float = param(1.0, gt=0, le=1, unit="share of the distance", help="size of the first turn")

    def perturb(self, oracle: LabelOracle, x: Tensor, rng: Streams) -> Perturbed:
        """Return the closest point that met the goal for each row of x, or else the row itself."""
        assert oracle.bounds is not None  # everything but text has bounds
        start = x.flatten(1)
        best, turn = start.clone(), start.new_full((len(x), 1), self.turn)
        found = torch.zeros(len(x), 1, dtype=torch.bool, device=x.device)
        for _ in range(self.steps):
            rows = oracle.live.nonzero().flatten()
            if not len(rows):
                break
            noise = rng.normal(rows, start.shape[1:])
            closer = pull_in(best[rows] - start[rows], noise, turn[rows])
            change = torch.where(found[rows], closer, oracle.bounds.width * noise)
            points = oracle.bounds.clip(start[rows] + change)
            labels = oracle.labels(points.reshape(-1, *x.shape[1:]), rows)
            hit = oracle.goal.met(labels, rows)
            best[rows[hit]], found[rows[hit]] = points[hit], True
            turn[rows] *= torch.where(hit, 1.5, 0.9).unsqueeze(1)  # in balance when a fifth of them hit
            turn.clamp_(max=1)
        return Perturbed(best.reshape(x.shape))


def pull_in(change: Tensor, noise: Tensor, turn: Tensor) -> Tensor:
    """Turn each row of `change` by that share of its length, and make it shorter than it was."""
    length = change.norm(dim=1, keepdim=True)
    turned = change + turn * length * noise / noise.norm(dim=1, keepdim=True)
    shorter: Tensor = turned * length * (1 - turn.square() / 2) / turned.norm(dim=1, keepdim=True).clamp(min=1e-12)
    return shorter
