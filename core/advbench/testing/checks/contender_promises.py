"""What a contender says of itself is true: pairing, budgets and reports rely on it before it is trained."""

from __future__ import annotations

import dataclasses
import math

import torch
from torch import Tensor

from advbench import Access, Contender, Norm

from ..findings import DoesNotApply, require
from ..questions import (
    answers,
    contrast,
    differing,
    gradient,
    labels,
    must_show_gradients,
    must_show_scores,
    probes,
    scores,
)
from ..subject import Subject
from ..training import Course, course, promised

POINTS, DIRECTIONS = 8, 4
CORNERS = 20  # of each certified ball
AGREEING = 0.8  # share of directions; kinks of piecewise linear networks spoil some
_METHODS = {"scores": Access.SCORES, "value_and_grad": Access.GRADIENTS}


def check_facts_are_known_before_training(subject: Subject) -> None:
    """The component's facts are its contender's: pairs are refused or allowed by them."""
    before, after = promised(subject), subject.once(course).contender.facts
    told = [
        f"{item.name} is {getattr(after, item.name)}, not {getattr(before, item.name)}"
        for item in dataclasses.fields(before)
        if getattr(before, item.name) != getattr(after, item.name)
    ]
    require(not told, f"Once trained, {'; '.join(told)}.", "Give the contender what the component's facts() returns.")


def check_offers_what_it_says(subject: Subject) -> None:
    """Methods are there exactly if `access` says so: an oracle's type is the access."""
    contender = subject.once(course).contender
    facts = contender.facts
    for name, access in _METHODS.items():
        there = callable(getattr(contender, name, None))
        require(
            there == (facts.access >= access),
            f"Its access is {facts.access.word}, but {name} is {'there' if there else 'absent'}.",
            "Correct `access` in its facts, or the contender's methods.",
        )
    require(
        bool(facts.gradients) == (facts.access >= Access.GRADIENTS),
        f"Its access is {facts.access.word}, but its gradients are {', '.join(facts.gradients) or 'none'}.",
        "Name `exact` or `surrogate/...` in its facts exactly if access is Access.GRADIENTS.",
    )
    bad = [name for name in facts.gradients if name != "exact" and name.partition("/")[0] != "surrogate"]
    require(not bad, f"It calls a gradient '{''.join(bad[:1])}'.", "Call it `exact`, `surrogate` or `surrogate/...`.")


def check_gradients_belong_to_their_losses(subject: Subject) -> None:
    """Each gradient is the slope of the losses that come with it: line searches and optimisers rely on that."""
    contender = subject.once(course).contender
    must_show_gradients(contender)
    probe = _Slopes(subject.once(course))
    for name in contender.facts.gradients:
        _, grad = gradient(contender, probe.x, name)
        require(
            grad.shape == probe.x.shape and grad.dtype == probe.x.dtype and not bool(grad.isnan().any()),
            f"Its gradient {name} is {grad.dtype} {tuple(grad.shape)} for {probe.x.dtype} {tuple(probe.x.shape)}"
            f", {int(grad.isnan().sum())} NaN.",
            "Return one number per number of the input.",
        )
        low, high = (gradient(contender, x, name)[0] for x in probe.around)
        probe.require_agreement((high - low) / (2 * probe.step), grad, f"its losses of {name}")


def check_gradient_kinds_are_true(subject: Subject) -> None:
    """`exact` is the gradient of what the scores say; what differs from that is called a surrogate, and marked."""
    contender = subject.once(course).contender
    must_show_gradients(contender)
    probe = _Slopes(subject.once(course))
    real = contrast(scores(contender, probe.x))
    low, high = (contrast(scores(contender, x)) for x in probe.around)
    slopes = (high - low) / (2 * probe.step)
    for name in contender.facts.gradients:
        value, grad = gradient(contender, probe.x, name)
        gap = (value - real).abs()
        same_loss = gap <= 1e-4 * (1 + real.abs())
        if name == "exact":
            worst = float(gap.max())
            require(
                bool(same_loss.all()),
                f"The losses that come with its exact gradient differ from those of its scores by up to {worst:.3g}.",
                "Compute both from the same scores, or call it a surrogate.",
            )
            probe.require_agreement(slopes, grad, "the losses of its scores")
        else:
            told = bool(same_loss.all()) and bool(probe.agree(slopes, grad).all())
            require(
                not told,
                f"In all {slopes.numel()} directions {name} is the gradient of its scores.",
                "Call it `exact`, or its numbers will be marked as weaker than they are.",
            )


def check_stochastic_is_true(subject: Subject) -> None:
    """Answers are drawn from the noise handed in, and only if the facts say so: budgets and votes rely on it."""
    taught = subject.once(course)
    contender, x = taught.contender, probes(taught)
    first, again, other = (answers(contender, x, start) for start in (0, 0, 1000))
    moved = differing(first, again)
    require(
        not moved,
        f"Asked twice{' with the same noise' if contender.facts.stochastic else ''} it gives other {', '.join(moved)}.",
        "Draw from `noise` alone and set stochastic=True; else answer always alike.",
    )
    if contender.facts.stochastic:
        require(
            bool(differing(first, other)),
            f"Its facts say stochastic, but other noise changes nothing in {len(x)} rows.",
            "Draw from `noise`, or set stochastic=False: stochastic contenders cost many times the queries.",
        )


def check_float64_is_true(subject: Subject) -> None:
    """Offered double precision is used: differences of scores of 1e-10 are then no rounding."""
    taught = subject.once(course)
    contender, x = taught.contender, probes(taught)
    if not contender.facts.float64:
        raise DoesNotApply("it does not offer float64")
    must_show_scores(contender)
    wide, narrow = scores(contender, x.double()), scores(contender, x)
    require(wide.dtype == torch.float64, f"Asked in float64 its scores are {wide.dtype}.", "Compute in x's dtype.")
    gap = float((wide - narrow).abs().max())
    limit = 1e-3 * (1 + float(narrow.abs().max()))
    require(gap <= limit, f"In float64 its scores differ by {gap:.3g} from those in float32.", "Compute the same.")
    require(
        not torch.equal(wide, wide.float().double()),
        "Asked in float64 its scores hold no more than float32 can.",
        "Keep every step in x's dtype, or leave float64 out of its facts.",
    )


def check_largest_margin_is_true(subject: Subject) -> None:
    """No difference of scores exceeds `largest_margin`: attacks that ask for more are refused."""
    taught = subject.once(course)
    contender = taught.contender
    must_show_scores(contender)
    limit = contender.facts.largest_margin
    if math.isinf(limit):
        raise DoesNotApply("it names no largest margin")
    found = scores(contender, probes(taught))
    spread = float((found.amax(dim=1) - found.amin(dim=1)).max())
    require(
        spread <= limit * (1 + 1e-5),
        f"Scores of one row differ by {spread:.6g}; its largest margin is {limit:.6g}.", "Correct `largest_margin`.",
    )  # fmt: skip


def check_certificates_hold(subject: Subject) -> None:
    """What is proved of a ball is true of its corners, and of smaller balls; the judge fails cells that refute it."""
    taught = subject.once(course)
    contender, bounds, x = taught.contender, taught.lesson.facts().bounds, taught.x[:POINTS]
    certify = getattr(contender, "certify", None)
    if not callable(certify) or bounds is None:
        raise DoesNotApply("it certifies nothing")
    known, generator = labels(contender, x), torch.Generator().manual_seed(0)
    proved = torch.ones(len(x), dtype=torch.bool)
    for share in (0.01, 0.03, 0.1, 0.3, 1.0):
        eps = share * bounds.width
        holds = certify(x, Norm.LINF, eps)
        require(
            holds.dtype == torch.bool and holds.shape == proved.shape,
            f"To {len(x)} rows its certify answers {holds.dtype} {tuple(holds.shape)}.", "Return bool, one per row.",
        )  # fmt: skip
        more = int((holds & ~proved).sum())
        require(not more, f"It proves {more} rows at {eps:.3g} that it does not prove nearer.", "Prove smaller balls.")
        for _ in range(CORNERS):
            ways = torch.randint(0, 2, x.shape, generator=generator) * 2 - 1
            moved = holds & (labels(contender, bounds.clip(x + eps * ways)) != known)
            require(
                not bool(moved.any()),
                f"{int(moved.sum())} of {int(holds.sum())} rows certified to {eps:.3g} change their label within it.",
                "Bound the scores from both sides, with slack for rounding.",
            )
        proved = holds


class _Slopes:
    """Points inside the bounds, and those a little to either side of each in a few directions."""

    def __init__(self, course: Course) -> None:
        contender: Contender = course.contender
        bounds = course.lesson.facts().bounds
        assert bounds is not None
        wide = contender.facts.float64
        x = course.x[:POINTS].to(torch.float64 if wide else torch.float32)
        inside = (x + (bounds.low + bounds.high) / 2) / 2
        self.x = inside.repeat_interleave(DIRECTIONS, dim=0)
        self.step = bounds.width * (1e-6 if wide else 1e-3)
        generator = torch.Generator().manual_seed(0)
        self.ways = torch.randint(0, 2, self.x.shape, generator=generator).to(x) * 2 - 1

    @property
    def around(self) -> tuple[Tensor, Tensor]:
        return self.x - self.step * self.ways, self.x + self.step * self.ways

    def agree(self, slopes: Tensor, grad: Tensor) -> Tensor:
        """bool, per direction: is the measured slope the gradient's?"""
        said = (grad * self.ways).flatten(1).sum(dim=1)
        larger = torch.maximum(said.abs(), slopes.abs())
        return (said - slopes).abs() <= 0.05 * larger + 0.01 * float(larger.median())

    def require_agreement(self, slopes: Tensor, grad: Tensor, whose: str) -> None:
        """Raises Broken unless most directions agree."""
        agreeing = self.agree(slopes, grad)
        said = (grad * self.ways).flatten(1).sum(dim=1)
        worst = int((said - slopes).abs().argmax())
        require(
            float(agreeing.double().mean()) >= AGREEING,
            f"In {int((~agreeing).sum())} of {len(agreeing)} directions the gradient is not the slope of {whose}:"
            f" it says {float(said[worst]):.4g} where they rise by {float(slopes[worst]):.4g}.",
            "Differentiate the same function; give the gradient with respect to the raw input.",
        )
