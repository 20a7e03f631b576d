"""HopSkipJump on whole batches: examples and their restarts share calls, never numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from advbench import Access, AttackFacts, Examples, LabelOracle, Norm, Perturbed, State, Streams, param

from .asking import Asking
from .draws import WalkStreams
from .settings import settle
from .starts import begin, collect
from .walks import LADDER, Walks


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
        "auto", ge=1, paper=1,
        help="noises tried together until one succeeds; of those that do, a walk begins at the closest once projected;"
        " auto: 24",
    )  # fmt: skip
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
        asking = Asking(oracle, x, settings.restarts)
        ladder = LADDER if settings.probe is None else (settings.probe,)
        walks = Walks(settings, asking, WalkStreams(rng, len(x), settings.restarts, x.device), ladder)
        examples = oracle.live.nonzero().flatten()
        first = asking.walks(examples)[:, 0]
        wrong = asking.met(asking.inputs(first), first)  # nothing to do, though an arena skips such rows itself
        asking.keep(asking.inputs(first[wrong]), first[wrong], asking.distance.new_zeros(int(wrong.sum())))
        begin(walks, examples[~wrong])
        while walks.taken < settings.iterations and walks.advance():
            pass
        points, distance = asking.closest()
        started = distance.isfinite()
        probe = torch.tensor(ladder, dtype=torch.float64)[walks.probe[:: asking.each].cpu()]
        notes = {"probe": probe, "started": started.double()}
        return Perturbed(points.reshape(x.shape), notes=notes, blind=~started & oracle.live)
