"""EAD on whole batches: rows share calls, never numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from advbench import Access, AttackFacts, ContestError, GradientOracle, Norm, Perturbed, Streams, param

from .bracket import Bracket
from .hunt import Hunt
from .walks import Plan

_BETA = {Norm.L1: 1e-2, Norm.L2: 1e-3}


@dataclass(frozen=True)
class Ead:
    """min c f(x) + beta |x - x0|_1 + |x - x0|_2^2 in the box, with a search on c (thesis, equation 16).

    Distances, beta, rate and c count in units of the range, so that they mean the same for all bounds.
    """

    steps: int = param(200, ge=1, paper=1000, help="gradients per value of c (I)")
    searches: int = param(9, ge=1, paper=9, help="values of c tried: tenfold until one works, then by bisection")
    beta: float | Literal["auto"] = param(
        "auto", ge=0, paper=1e-3, help="weight of L1 against squared L2, and the threshold; auto: .01 in l1, .001 in l2"
    )
    rate: float = param(0.01, gt=0, paper=0.01, help="first step; it falls with the root of the steps left")
    c: float = param(1e-3, gt=0, paper=1e-3, help="first weight of the score against the change")
    kappa: float = param(0.0, ge=0, paper=0, unit="log-odds", help="margin by which a success must win")
    rule: Literal["norm", "en", "l1", "l2"] = param(
        "norm", paper="en, l1", help="which success is returned: the smallest in the threat's norm, or in one of these"
    )
    solver: Literal["fista", "ista", "cov"] = param(
        "fista", paper="fista", help="with or without momentum; cov: Adam in tanh space, the thesis's Table 5"
    )
    threshold: Literal["paper", "prox"] = param(
        "paper", paper="paper", help="of a step's shrinking: beta, or beta times the rate, which equation 16 asks for"
    )
    pull: Literal["always", "unmet"] = param(
        "always", paper="always", help="where the squared distance pulls back; unmet: only where the goal is not met"
    )
    abort: bool = param(False, paper=False, help="end a walk that ten looks no longer see improve")

    def facts(self) -> AttackFacts:
        return AttackFacts(needs=Access.GRADIENTS, norms=frozenset({Norm.L1, Norm.L2}), margin=self.kappa)

    def perturb(self, oracle: GradientOracle, x: Tensor, rng: Streams) -> Perturbed:
        """At most `searches` x `steps` gradients per row, and twice as many queries."""
        if self.solver == "cov" and oracle.bounds is None:
            raise ContestError("ead: solver=cov must have bounds, got inputs without. Use solver=fista.")
        beta = _BETA[oracle.threat.norm] if self.beta == "auto" else self.beta
        hunt = Hunt(oracle, x, beta, self.kappa)
        plan = Plan(self.solver, self.threshold, self.steps, self.rate, self.abort, self.pull)
        bracket = Bracket.start(torch.full_like(hunt.size[0], self.c))
        for _ in range(self.searches):
            rows = hunt.live.nonzero().flatten()
            if not len(rows):
                break
            bracket.advance(rows, plan.walk(hunt, rows, bracket.now[rows]))
        rule = oracle.threat.norm.value if self.rule == "norm" else self.rule
        return hunt.answer(rule, torch.where(bracket.high.isfinite(), bracket.high, torch.nan))
