"""HopSkipJump on whole batches: rows share calls, never numbers; restarts take turns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from advbench import Access, AttackFacts, Examples, LabelOracle, Norm, Perturbed, State, Streams, param

from .asking import Asking
from .settings import settle
from .starts import collect, from_images, from_noise
from .walks import LADDER, Walks

BLENDS = (1.0, 1.0, 1.0, 0.5, 1.0, 1.0, 1.0, 0.75, 1.0, 1.0, 1.0, 0.25)  # pure noise succeeds most often
CHEAP = 10  # a further start may cost one part in so many of what is left
PROJECTION = 20  # queries that a start's projection takes, about


@dataclass(frozen=True)
class HopSkipJump:
    """Estimates the boundary's slope by labels, steps along it, and projects back (paper, Algorithm 2).

    "auto" is the preset's value, or without a preset the one given in its help.
    """

    preset: Literal["none", "paper", "scd", "scd-fixed"] = param(
        "none", help="settings of the paper or of the sign-network papers; what is typed beside it wins"
    )
    probe: float | Literal["auto", "search"] = param(
        "auto", gt=0, paper=1,
        help="length of the noise, in units of the distance over the number of features; auto: search, tries 1, 100"
        " and 1000 and keeps the best",
    )  # fmt: skip
    step: Literal["auto", "geometric", "grid"] = param(
        "auto", paper="geometric", help="one step, halved until it succeeds, or several that compete; auto: grid"
    )
    init: Literal["auto", "uniform", "blended", "fixed"] = param(
        "auto", paper="uniform",
        help="where walks begin: uniform noise, noise blended into the input, or images of the tune split, the same for"
        " all examples (targeted walks always do if they can); auto: blended",
    )  # fmt: skip
    restarts: int | Literal["auto"] = param("auto", ge=1, paper="10 in the SCD paper", help="walks an example; auto: 2")
    starts: int | Literal["auto"] = param(
        "auto", ge=1, paper=1, help="noises that succeed, of which a walk begins at the closest once projected; auto: 6"
    )
    race: int | Literal["auto"] = param(
        "auto", ge=0, unit="queries", paper=0,
        help="while the budget leaves less than this to each walk, the farthest ends; 0: never; auto: 1000",
    )  # fmt: skip
    iterations: int | Literal["auto"] = param(
        "auto", ge=1, paper="64; 100 in the SCD paper", help="most iterations of a walk, budget permitting; auto: 100"
    )
    tries: int | Literal["auto"] = param(
        "auto", ge=1, paper="10,000; 1000 in the SCD paper", help="most noises tried to begin a walk; auto: 1000"
    )

    def facts(self) -> AttackFacts:
        return AttackFacts(needs=Access.LABELS, norms=frozenset({Norm.L2, Norm.LINF}))

    def prepare(self, oracle: LabelOracle, seeds: Examples, rng: Streams) -> State:
        """Images to begin at, where they are wanted; one query each."""
        settings = settle(self)
        if settings.init != "fixed" and not oracle.threat.targeted:
            return State({})
        return collect(oracle, seeds, settings.restarts)

    def perturb(self, oracle: LabelOracle, x: Tensor, rng: Streams) -> Perturbed:
        """Begin all walks, and move them until they end or nothing can be paid."""
        settings = settle(self)
        asking = Asking(oracle, x)
        ladder = LADDER if settings.probe is None else (settings.probe,)
        walks = Walks(settings, asking, rng, ladder)
        rows = oracle.live.nonzero().flatten()
        wrong = asking.met(asking.x0[rows], rows)  # nothing to do, though an arena skips such rows itself
        asking.keep(asking.x0[rows[wrong]], rows[wrong], asking.distance.new_zeros(int(wrong.sum())))
        rows = rows[~wrong]
        for restart in range(settings.restarts):
            rows = self._begin(walks, rows, restart)
        while walks.taken < settings.iterations and walks.advance():
            pass
        started = asking.distance.isfinite()
        probe = torch.tensor(ladder, dtype=torch.float64)[walks.walks[0].probe.cpu()]
        notes = {"probe": probe, "started": started.double()}
        return Perturbed(asking.best.reshape(x.shape), notes=notes, blind=~started & oracle.live)

    def _begin(self, walks: Walks, rows: Tensor, restart: int) -> Tensor:
        """Begin another walk in each of the rows, and tell where it could: where it could not, no other will."""
        settings, asking = walks.settings, walks.asking
        pool = asking.oracle.prepared
        points, found = asking.x0.clone(), torch.zeros_like(asking.distance, dtype=torch.bool)
        if pool is not None and pool.arrays:
            points[rows], found[rows] = from_images(asking, rows, pool, restart)
        left = rows[~found[rows]]
        limit = asking.oracle.left()[left] // (CHEAP if restart and settings.race else 1)
        blends = BLENDS if settings.init == "blended" else BLENDS[:1]
        points[left], found[left] = from_noise(asking, walks.rng, left, settings.tries, limit, blends)
        if not restart:  # starts that were not found for want of queries tell nothing of the contender
            asking.oracle.out_of_budget(left[~found[left] & (limit < settings.tries)])
        walks.add(points, found)
        for _ in range(settings.starts - 1):
            rivals = torch.zeros_like(found)
            able = left[found[left]]
            limit = asking.oracle.left()[able] // CHEAP
            able, limit = able[limit >= PROJECTION], limit[limit >= PROJECTION]
            points[able], rivals[able] = from_noise(asking, walks.rng, able, settings.tries, limit, blends)
            walks.rival(points, rivals)
        return rows[found[rows]]
