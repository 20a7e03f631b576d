"""ZOO on whole batches: rows share calls, never numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from advbench import Access, AttackFacts, ContestError, Modality, Norm, Perturbed, ScoreOracle, Streams, param

from .descent import Descent, Plan
from .differences import Asking
from .losses import MOST, Losses
from .presets import Settings, settle
from .reduction import Reduced
from .space import Box, Inputs, Space
from .step_size import Choice, choose_h
from .variables import Growth, Variables

FLAT = 0.05  # below this share of reacting coordinates the contender tells nothing
WIDE = 0.01  # of the range: the least step for curvature from float32 answers


@dataclass(frozen=True)
class Zoo:
    """min |x - x0|^2 + c max(f(x), -kappa) by stochastic coordinate descent (paper, Algorithm 1).

    "auto" is the preset's value, or without a preset the one given in its help.
    """

    h: float | Literal["auto", "search"] = param(
        "auto", gt=0, unit="input units", paper=1e-4,
        help="step of the finite differences; auto: search, tries 1e-4 to 0.4 of the range, keeps the smallest that"
        " tells",
    )  # fmt: skip
    solver: Literal["adam", "newton", "adam-newton"] = param(
        "adam", help="what turns slopes into steps; adam-newton is the released code's mixture"
    )
    preset: Literal["none", "mnist", "cifar10", "imagenet", "imagenet-targeted"] = param(
        "none", help="the paper's settings for one data set; what is typed beside it wins"
    )
    iterations: int | Literal["auto"] = param(
        "auto", ge=1, paper="3000 MNIST, 1000 CIFAR-10", help="steps per search, budget permitting; auto: 1000"
    )
    learning_rate: float | Literal["auto"] = param(
        "auto", gt=0, unit="input units", paper=0.01, help="ADAM's step, or the share of Newton's; auto: .05"
    )
    c: float | Literal["auto"] = param(
        "auto", gt=0, paper=0.01,
        help="first weight of the score against the change; auto: three times what would do if scores were linear, by"
        " the first step's slopes",
    )  # fmt: skip
    searches: int | Literal["auto"] = param("auto", ge=1, paper="9, 1 ImageNet", help="most values of c tried; auto: 9")
    coordinates: int | Literal["auto"] = param(
        "auto", ge=1, paper=128, help="variables probed per step (B); auto: min(128, half of them)"
    )
    kappa: float = param(0.0, ge=0, unit="log-odds", help="margin by which a success must win")
    box: Literal["auto", "projection", "tanh"] = param(
        "auto", paper="projection MNIST, tanh elsewhere", help="how points are kept in bounds; auto: projection"
    )
    abort_every: int | Literal["auto"] = param(
        "auto", ge=1, paper=100,
        help="a search ends when this many steps improve the loss by less than 0.01 %; auto: a tenth of a search",
    )  # fmt: skip
    hessian_h: float | Literal["auto"] = param(
        "auto", gt=0, unit="input units", paper=1e-4,
        help="step of second differences; other than h it costs 2 B more queries; auto: h, but from float32 answers at"
        " least .01 of the range, to which a searched h rises too",
    )  # fmt: skip
    hessian_floor: float | Literal["auto"] = param(
        "auto", ge=0, paper=0, help="least curvature that Newton's step divides by; auto: .1, the released code's"
    )
    reduce: Literal["auto", "none", "bilinear", "dct"] = param(
        "auto", paper="bilinear ImageNet", help="search a smaller space: stretched images, or low cosines; auto: none"
    )
    sizes: tuple[int, ...] | Literal["auto"] = param(
        "auto", ge=1, paper="32/64/128", help="sides of the reduced space, one after the other; auto: 32"
    )
    grow_at: tuple[int, ...] | Literal["auto"] = param(
        "auto", ge=1, help="steps of a search at which the next size begins; auto: 2000/10000, as far as needed"
    )
    importance: Literal["auto", "none", "refresh", "released"] = param(
        "auto", paper="refresh after growth, ImageNet",
        help="probe more where the image has changed: kept up to date, or set only when the space grows, as the"
        " released code does; auto: none",
    )  # fmt: skip
    importance_every: int = param(1, ge=1, help="steps between two refreshes")
    adam_reset: bool | Literal["auto"] = param(
        "auto", paper="true ImageNet targeted", help="forget ADAM's moments at a search's first success; auto: false"
    )
    trace_loss: int = param(
        0, ge=0, help="note the loss of each row's last search every so many steps, and its first valid step; 0: never"
    )

    def __post_init__(self) -> None:
        settings = settle(self)
        least = -(-settings.iterations // MOST)
        if 0 < self.trace_loss < least:
            raise ValueError(
                f"trace_loss must be >= {least} for {settings.iterations} iterations, got {self.trace_loss}."
                f" A report keeps at most {MOST} points of a curve."
            )

    def facts(self) -> AttackFacts:
        settings = settle(self)
        images = settings.reduce != "none" or settings.importance != "none"
        return AttackFacts(
            needs=Access.SCORES,
            norms=frozenset({Norm.L2}),
            margin=self.kappa,
            modalities=frozenset({Modality.IMAGE}) if images else None,
        )

    def perturb(self, oracle: ScoreOracle, x: Tensor, rng: Streams) -> Perturbed:
        """Probe, step, and search on c, every row at its own pace, until none can go on."""
        settings = settle(self)
        box = Box(oracle.bounds, settings.box == "tanh")
        growth = Growth(settings.grow_at, settings.importance, self.importance_every)
        variables = Variables(x.flatten(1).double(), box, _spaces(settings, box, x), growth)
        double = self.solver != "adam" and oracle.float64
        dtype = torch.float64 if double else x.dtype
        # Second differences of float32 answers are noise below steps of a hundredth of the range.
        least = 0.0 if double or self.solver == "adam" else WIDE * box.scale
        stages = tuple(Asking(oracle, space, tuple(x.shape[1:]), dtype) for space in variables.spaces)
        if settings.h is None:
            choice = choose_h(oracle, stages[0], variables, rng)
            h = choice.h.clamp(min=least)  # one step for slope and curvature saves half of the queries
        else:
            choice = Choice.fixed(settings.h, variables.x0)
            h = choice.h
        fixed = settings.hessian_h
        hessian_h = h.clamp(min=least) if fixed is None else torch.full_like(h, fixed)
        plan = Plan(settings, self.solver, self.kappa, h, hessian_h, choice.noise)
        losses = Losses(len(x), self.trace_loss, settings.iterations, x.device)
        descent = Descent(plan, oracle, stages, variables, losses)
        while descent.advance(rng):
            pass
        reacted = descent.reacted()
        # Steps taken tell more about a row's silence than the sample that chose h.
        share = torch.where(reacted.isnan(), choice.share, reacted)
        notes = {"h": h, "c": descent.trade.c, "informative": share, "iterations": descent.taken.double()}
        notes |= losses.notes()
        best = descent.best.to(x.dtype).reshape(x.shape)
        return Perturbed(best, notes=notes, blind=(share >= 0) & (share < FLAT))


def _spaces(settings: Settings, box: Box, x: Tensor) -> tuple[Space, ...]:
    """One space for each size, in their order."""
    if x.dim() != 4 and (settings.reduce != "none" or settings.importance != "none"):
        raise ContestError(
            f"zoo: reduce and importance must be none for inputs that are no images, got {x.dim() - 1}-d."
        )
    if settings.reduce == "none":
        return (Inputs(box, tuple(x.shape[1:])),)
    channels, height, width = x.shape[1:]
    if settings.sizes[-1] > min(height, width):
        raise ContestError(
            f"zoo: sizes must be at most the image's side, {min(height, width)}, got {settings.sizes[-1]}."
            " Choose a smaller reduced space."
        )
    shape = (channels, height, width)
    return tuple(Reduced.of(box, shape, side, settings.reduce, x.device) for side in settings.sizes)
