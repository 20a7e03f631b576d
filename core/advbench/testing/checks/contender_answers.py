"""What a contender answers: one label and one score per class for every row, whatever stands beside it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from advbench import Access
from advbench.arena.asking import Asker
from advbench.arena.exactness import every_score, rows_are_exact

from ..field import CPU
from ..findings import Broken, require
from ..questions import labels, must_show_scores, probes, scores
from ..subject import Subject
from ..training import course

ROWS = 16


def check_answers_have_their_shape_and_dtype(subject: Subject) -> None:
    """labels int64 (N,) of -1 or a class; scores float32 (N, K) without NaN."""
    taught = subject.once(course)
    x, classes = taught.x[:9], taught.lesson.classes
    _require_labels(labels(taught.contender, x), len(x), classes)
    if taught.contender.facts.access >= Access.SCORES:
        _require_scores(scores(taught.contender, x), len(x), classes)


def check_a_batch_of_one_is_answered(subject: Subject) -> None:
    """One row alone is a batch too."""
    taught = subject.once(course)
    contender, x, classes = taught.contender, taught.x[:1], taught.lesson.classes
    _require_labels(labels(contender, x), 1, classes)
    if contender.facts.access >= Access.SCORES:
        _require_scores(scores(contender, x), 1, classes)


def check_points_at_the_bounds_are_answered(subject: Subject) -> None:
    """Attacks go into the corners, or to odd texts: scores there are finite, no outcome of a division by nothing."""
    taught = subject.once(course)
    contender, x, classes = taught.contender, probes(taught)[-18:], taught.lesson.classes
    _require_labels(labels(contender, x), len(x), classes)
    if contender.facts.access >= Access.SCORES:
        found = scores(contender, x)
        bad = int((~found.isfinite()).any(dim=1).sum())
        which = (
            "odd texts" if isinstance(x, tuple) else f"points at the bounds, {float(x.min()):g} and {float(x.max()):g},"
        )
        require(
            not bad,
            f"{bad} of {len(x)} {which} get scores that are not finite.",
            "Scale by the bounds in the job's facts; guard logarithms and divisions.",
        )


def check_labels_are_the_largest_scores(subject: Subject) -> None:
    """The label is the lowest class among those of the largest score, unless it abstains."""
    taught = subject.once(course)
    contender, own, more = taught.contender, taught.x, probes(taught)
    x = more + own if isinstance(own, tuple) else torch.cat([more, own])
    must_show_scores(contender)
    found, shown = labels(contender, x), scores(contender, x)
    best = shown == shown.amax(dim=1, keepdim=True)
    lowest = best.int().argmax(dim=1)
    wrong = (found != lowest) & (found != -1)
    ties = int((wrong & (best.sum(dim=1) > 1)).sum())
    require(
        not bool(wrong.any()),
        f"{int(wrong.sum())} of {len(x)} labels are not the lowest class of the largest score ({ties} at ties).",
        "Return scores.argmax(dim=1), or -1 to abstain.",
    )


def check_scores_are_logarithms(subject: Subject) -> None:
    """Losses add and subtract scores: log-probabilities or logits, never probabilities."""
    taught = subject.once(course)
    must_show_scores(taught.contender)
    found = scores(taught.contender, taught.x)
    sums = found.double().sum(dim=1)
    shares = bool(((found >= 0) & (found <= 1)).all()) and bool(((sums - 1).abs() < 1e-4).all())
    require(
        not shares,
        f"The scores of all {len(found)} rows lie in 0 to 1 and sum to 1: they are probabilities.",
        "Return their logarithm.",
    )


def check_rows_are_exact(subject: Subject) -> None:
    """Asked alone, in sevens, backwards or in full chunks, a row is answered alike, bit for bit."""
    taught = subject.once(course)
    contender, x, classes = taught.contender, taught.x[:ROWS], taught.lesson.classes
    if rows_are_exact(contender, x, classes, CPU):
        return
    asker = Asker(contender, classes, CPU)
    asks: list[Callable[[Tensor], Tensor]] = [asker.labels]
    if contender.facts.access >= Access.SCORES:
        asks = [asker.scores]
    if contender.facts.access >= Access.GRADIENTS:
        asks.append(lambda points: asker.value_and_grad(points, every_score, contender.facts.gradients[0])[1])
    told = "in chunks of other sizes"
    for ask in asks if not contender.facts.stochastic else []:
        together, alone = ask(x), torch.cat([ask(x[i : i + 1]) for i in range(len(x))])
        if not torch.equal(together, alone):
            rows = int((together != alone).reshape(len(x), -1).any(dim=1).sum())
            gap = float((together - alone).abs().max())
            told = f"alone: {rows} of {len(x)} rows by up to {gap:.3g}"
            break
    raise Broken(
        f"Answers differ {told}.",
        "Look for statistics over the batch; else set `chunk` and `pad` in its facts to sizes at which its products of"
        " matrices take one path.",
    )


def _require_labels(found: Tensor, n: int, classes: int) -> None:
    require(
        found.dtype == torch.int64 and tuple(found.shape) == (n,),
        f"Labels of {n} rows are {found.dtype} {tuple(found.shape)}.", "Return int64, one number per row.",
    )  # fmt: skip
    low, high = int(found.min()), int(found.max())
    require(
        low >= -1 and high < classes,
        f"Labels reach from {low} to {high}; classes are 0 to {classes - 1}.", "Return a class, or -1 to abstain.",
    )  # fmt: skip


def _require_scores(found: Tensor, n: int, classes: int) -> None:
    require(
        found.dtype == torch.float32 and tuple(found.shape) == (n, classes),
        f"Scores of {n} rows and {classes} classes are {found.dtype} {tuple(found.shape)}.",
        "Return float32, one number per row and class.",
    )
    nan = int(found.isnan().any(dim=1).sum())
    require(not nan, f"Scores of {nan} of {n} rows hold NaN.", "Use log_softmax; guard logarithms of nothing.")
