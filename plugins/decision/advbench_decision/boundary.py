"""The boundary attack: a random walk along the boundary that drifts towards the input."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from advbench import Examples, LabelOracle, Perturbed, State, Streams, param

from .hunt import Hunt, dot, unit
from .start import find, remembered, to_boundary

_DRAWN = 1 << 13  # numbers per row that are drawn at a time; depends on nothing but the input's size
_FEWER, _MORE, _SHRINK, _GROW = 0.2, 0.5, 0.1, 0.25  # shares of success at which steps change
_STRAIGHT = 1e-3


@dataclass(frozen=True)
class Boundary:
    """Boundary attack (Brendel et al. 2018), all rows in step, each with its own directions and step sizes."""

    steps: int = param(25_000, ge=1, help="proposals, budget permitting")
    orthogonal: float = param(0.01, gt=0, le=1, help="first length of a sideways step, as a share of the distance")
    source: float = param(0.01, gt=0, lt=1, help="first length of a step to the input, as a share of the distance")
    adaptation: float = param(1.5, gt=1, help="factor by which steps grow and shrink")
    check_every: int = param(2, ge=1, paper=10, help="proposals between two at which the sideways step is asked too")
    window: int = param(10, ge=1, paper="100 sideways, 30 on", help="checks after which the steps are adapted")
    converged: float = param(1e-7, gt=0, help="a row ends when its step to the input is shorter than this share")
    straight: bool = param(True, paper=False, help="move the first point straight to the boundary before the walk")
    tries: int = param(1000, ge=1, help="noise images tried for a first success")

    def prepare(self, oracle: LabelOracle, seeds: Examples, rng: Streams) -> State:
        """Keeps some examples to start from; asks nothing."""
        return remembered(seeds)

    def perturb(self, oracle: LabelOracle, x: Tensor, rng: Streams) -> Perturbed:
        """A query per proposal, two at every check."""
        hunt = Hunt(oracle, x, "boundary")
        start = find(hunt, rng, self.tries)
        if self.straight:
            rows = hunt.rows()
            start[rows] = to_boundary(hunt, start[rows], rows, _STRAIGHT)
        walk = _Walk(self, hunt, start)
        at_once = max(1, _DRAWN // start.shape[1])
        noise = torch.zeros(len(x), at_once, start.shape[1], dtype=torch.float64, device=x.device)
        for step in range(self.steps):
            rows = hunt.rows()
            if not len(rows):
                break
            if step % at_once == 0:
                noise[rows] = rng.normal(rows, (at_once, start.shape[1])).double()
            walk.propose(rows, noise[rows, step % at_once], check=step % self.check_every == 0)
        return hunt.answer()


class _Walk:
    """Where each row is, at (N, d), its step sizes (N, 1), and how its last checks ended, (N,)."""

    def __init__(self, attack: Boundary, hunt: Hunt, at: Tensor) -> None:
        self.attack, self.hunt, self.at = attack, hunt, at
        n = len(at)
        self.orthogonal, self.source = (
            torch.full((n, 1), first, dtype=torch.float64, device=at.device)
            for first in (attack.orthogonal, attack.source)
        )
        self.checks, self.held, self.tried, self.won = (
            torch.zeros(n, dtype=torch.int64, device=at.device) for _ in range(4)
        )

    def propose(self, rows: Tensor, noise: Tensor, check: bool) -> None:
        """A step sideways on the sphere around the input, then one inwards; kept where it is wanted and closer."""
        x0, at = self.hunt.x0[rows], self.at[rows]
        length = (at - x0).norm(dim=1, keepdim=True)
        sideways = self.hunt.placed(x0 + on_sphere(at - x0, noise, self.orthogonal[rows]))
        proposed = self.hunt.placed(sideways + self.source[rows] * (x0 - sideways))
        if check:
            held = self.hunt.met(sideways, rows)
            rows, x0, proposed, length, held = _still(self.hunt, rows, x0, proposed, length, held)
        good = self.hunt.met(proposed, rows)
        closer = good & ((proposed - x0).norm(dim=1) < length.squeeze(1))
        self.at[rows[closer]] = proposed[closer]
        if check:
            self._adapt(rows, held, good)

    def _adapt(self, rows: Tensor, held: Tensor, good: Tensor) -> None:
        """Sideways steps are to hold half of the time, and steps inwards, after those that held, a quarter."""
        self.checks[rows] += 1
        self.held[rows] += held
        self.tried[rows] += held
        self.won[rows] += held & good
        factor = self.attack.adaptation
        full = rows[self.checks[rows] >= self.attack.window]
        share = self.held[full] / self.attack.window
        change = _factor(share, _FEWER, _MORE, factor)
        self.orthogonal[full] *= change
        self.source[full] *= change
        self.checks[full], self.held[full] = 0, 0
        full = rows[self.tried[rows] >= self.attack.window]
        self.source[full] *= _factor(self.won[full] / self.tried[full], _SHRINK, _GROW, factor)
        self.tried[full], self.won[full] = 0, 0
        self.source.clamp_(max=0.5)
        self.orthogonal.clamp_(max=1.0)
        self.hunt.end(rows[(self.source[rows] < self.attack.converged).squeeze(1)])


def on_sphere(way: Tensor, noise: Tensor, share: Tensor) -> Tensor:
    """`way` (R, d) turned towards the noise by steps of `share` (R, 1) of its length; the length stays."""
    length, ahead = way.norm(dim=1, keepdim=True), unit(way)
    aside = unit(noise - dot(noise, ahead) * ahead)
    turned: Tensor = length * (ahead + share * aside) / (1 + share.square()).sqrt()
    return turned


def _factor(share: Tensor, low: float, high: float, factor: float) -> Tensor:
    """What a step size is multiplied by, (R, 1)."""
    grown = torch.where(share > high, factor, 1.0)
    return torch.where(share < low, 1 / factor, grown).double().unsqueeze(1)


def _still(hunt: Hunt, rows: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
    """Rows that the last query did not end, and what belongs to them."""
    live = hunt.oracle.live[rows]
    return (rows[live], *(other[live] for other in others))
