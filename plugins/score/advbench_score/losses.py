"""What the attacks bring down: one number per point, from scores that are known up to a constant per row."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

Loss: TypeAlias = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""(scores (M, K), y (M,), target (M,) or None = any class but y) -> float64 (M,), the lower the nearer to the goal."""

LOSS_HELP = "what to bring down; auto: margin untargeted or with two classes, else ce (log p of the target)"

_MOST = 1e6  # log 0 is cut there, or one class without any chance would hide all the others


def margin(scores: Tensor, y: Tensor, target: Tensor | None) -> Tensor:
    """By how much, in log-odds, the goal is missed: below zero exactly where it is met."""
    scores = scores.double()
    wanted = y if target is None else target
    own = scores.gather(1, wanted[:, None])[:, 0]
    rival = scores.masked_fill(F.one_hot(wanted, scores.shape[1]).bool(), -torch.inf).amax(dim=1)
    missed = own - rival if target is None else rival - own
    return missed.nan_to_num(0.0).clamp(-_MOST, _MOST)


def cross_entropy(scores: Tensor, y: Tensor, target: Tensor | None) -> Tensor:
    """log p(y), or -log p(target)."""
    log_p = scores.double().log_softmax(dim=1)
    own = log_p.gather(1, (y if target is None else target)[:, None])[:, 0]
    return (own if target is None else -own).nan_to_num(0.0).clamp(-_MOST, _MOST)


def loss_for(name: str, classes: int, targeted: bool) -> Loss:
    """The loss of that name; `auto` follows the Square paper, but two classes leave cross-entropy no reason."""
    if name == "auto":
        name = "ce" if targeted and classes > 2 else "margin"
    return cross_entropy if name == "ce" else margin
