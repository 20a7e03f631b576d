"""What an attack makes grow: gains, one number per row, from scores that are known up to a constant per row."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

Gain: TypeAlias = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""(scores (m, K), y (m,), target (m,) or None = any class but y) -> (m,), the larger the nearer to the goal."""

LEAD = 10.0  # of scores that the loss `auto` sees
_LEAST = 1e-12  # of a lead: less is a tie
LEAD_HELP = "scores are multiplied, row by row, until the goal is first missed by this much; none: taken as they are"


def cross_entropy(scores: Tensor, y: Tensor, target: Tensor | None) -> Tensor:
    """-log p(y), or log p(target). Saturates: far from the boundary its float32 gradient is zero."""
    log_p = scores.log_softmax(dim=1)
    return -_of(log_p, y) if target is None else _of(log_p, target)


def chance(scores: Tensor, y: Tensor, target: Tensor | None) -> Tensor:
    """log(1 - p(y)), or log p(target): at most zero, and steep where the goal is far."""
    log_p = scores.log_softmax(dim=1)
    if target is not None:
        return _of(log_p, target)
    return log_p.masked_fill(F.one_hot(y, scores.shape[1]).bool(), -torch.inf).logsumexp(dim=1)


def odds(scores: Tensor, y: Tensor, target: Tensor | None) -> Tensor:
    """log((1 - p(y)) / p(y)), or log(p(target) / (1 - p(target))): of two classes the margin.

    Grows with cross-entropy, so both point the same way and rank points alike, but never saturates.
    """
    named = y if target is None else target
    rest = scores.masked_fill(F.one_hot(named, scores.shape[1]).bool(), -torch.inf).logsumexp(dim=1)
    return rest - _of(scores, y) if target is None else _of(scores, target) - rest


def others(scores: Tensor, y: Tensor, target: Tensor | None) -> Tensor:
    """The sum of log p over all classes but `target` (JSMA's second term)."""
    assert target is not None
    log_p = scores.log_softmax(dim=1)
    return log_p.sum(dim=1) - _of(log_p, target)


def margin(scores: Tensor, y: Tensor, target: Tensor | None) -> Tensor:
    """How far the goal leads, in log-odds: positive exactly where it is met (Carlini and Wagner 2017, f6)."""
    if target is None:
        return _best_but(scores, y) - _of(scores, y)
    return _of(scores, target) - _best_but(scores, target)


def difference(scores: Tensor, y: Tensor, target: Tensor | None) -> Tensor:
    """The score of `target` less that of y: one face of the margin (DeepFool's f_k)."""
    assert target is not None
    return _of(scores, target) - _of(scores, y)


def dlr(scores: Tensor, y: Tensor, target: Tensor | None) -> Tensor:
    """Difference of logits ratio (Croce and Hein 2020, eq. 6 and 7): blind to the scores' scale.

    The targeted form's fourth largest score is the third where there are only three.
    """
    top = scores.topk(min(4, scores.shape[1]), dim=1).values
    if target is None:
        return (_best_but(scores, y) - _of(scores, y)) / (top[:, 0] - top[:, 2] + 1e-12)
    return (_of(scores, target) - _of(scores, y)) / (top[:, 0] - (top[:, 2] + top[:, -1]) / 2 + 1e-12)


def square(scores: Tensor, y: Tensor, target: Tensor | None) -> Tensor:
    """Squared error of exp(scores) against one class: what networks trained on square error ascend.

    It is theirs where the scores are logs of their outputs.
    """
    wanted = F.one_hot(y if target is None else target, scores.shape[1]).to(scores)
    error = (scores.exp() - wanted).square().sum(dim=1)
    return error if target is None else -error


GAINS: dict[str, Gain] = {"ce": cross_entropy, "margin": margin, "dlr": dlr, "square": square}

LOSSES = ("auto", "native", *GAINS)
LOSS_HELP = (
    "what to ascend; auto: log-odds of the goal, of scores whose scale is set by each row's first answer; native: what"
    " the contender was trained with"
)


def gain_for(name: str, trained: str = "ce") -> Gain:
    """The gain of that name; `native` is `trained`."""
    if name == "auto":
        return odds
    return GAINS[trained if name == "native" else name]


def lead_for(name: str) -> float | None:
    """By how much the goal shall be missed at a row's first point; None: by as much as its scores say."""
    return LEAD if name == "auto" else None


def to_lead(scores: Tensor, y: Tensor, target: Tensor | None, lead: float) -> Tensor:
    """(m,): what to multiply scores with, so that the goal is missed, or met, by `lead`; 1 where they tell nothing."""
    here = margin(scores, y, target).abs()
    return torch.where(here.isfinite(), lead / here.clamp(min=_LEAST), 1.0)


def least_classes(name: str) -> int:
    """How many classes it takes: the ratio of logits ranks three."""
    return 3 if name == "dlr" else 2


def _of(scores: Tensor, labels: Tensor) -> Tensor:
    return scores.gather(1, labels[:, None])[:, 0]


def _best_but(scores: Tensor, labels: Tensor) -> Tensor:
    own = F.one_hot(labels, scores.shape[1]).bool()
    return scores.masked_fill(own, -torch.inf).amax(dim=1)
