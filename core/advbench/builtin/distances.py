"""How far an adversarial example is from its original. All return float64 (N,)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from advbench import edits


def _change(x: Tensor, x_adv: Tensor) -> Tensor:
    """A tensor of its own, to be written into: memory fetched anew costs more than the arithmetic."""
    return x_adv.to(torch.float64, copy=True).sub_(x).flatten(1)


@dataclass(frozen=True)
class L0:
    """Numbers changed by more than 1e-6 of the range: rounding is no change."""

    def __call__(self, x: Tensor, x_adv: Tensor, width: float = 1.0) -> Tensor:
        return (_change(x, x_adv).abs_() > 1e-6 * width).sum(dim=1).double()


@dataclass(frozen=True)
class L1:
    """Sum of absolute changes."""

    def __call__(self, x: Tensor, x_adv: Tensor, width: float = 1.0) -> Tensor:
        return _change(x, x_adv).abs_().sum(dim=1)


@dataclass(frozen=True)
class L2:
    """Euclidean length."""

    def __call__(self, x: Tensor, x_adv: Tensor, width: float = 1.0) -> Tensor:
        return _change(x, x_adv).square_().sum(dim=1).sqrt()


@dataclass(frozen=True)
class Linf:
    """Largest absolute change."""

    def __call__(self, x: Tensor, x_adv: Tensor, width: float = 1.0) -> Tensor:
        return _change(x, x_adv).abs_().amax(dim=1)


@dataclass(frozen=True)
class Words:
    """Word-level edit distance over the number of words of the original (split at white space).

    As the papers on text attacks count them: a mark of punctuation between spaces is a word. Replacing
    k words of a `Wording` changes k of these at most; fewer only where two share one, as in `a,b`.

    A change of white space alone counts as one word: only equal texts are at distance zero.
    """

    def __call__(self, x: tuple[str, ...], x_adv: tuple[str, ...], width: float = 1.0) -> Tensor:
        shares = [_changed(old, new) / max(1, len(old.split())) for old, new in zip(x, x_adv, strict=True)]
        return torch.tensor(shares, dtype=torch.float64)


def _changed(old: str, new: str) -> int:
    """Words changed; 0 exactly when the texts are equal."""
    return max(edits(old.split(), new.split()), int(old != new))
