"""Pairs of inputs whose distance is known in closed form."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch

from advbench import Modality, Norm

from .toys import BOUNDS, grid_examples
from .training import SHAPES

TEXTS = ("one two three four", "a good day", "no", "the film was not bad at all")
OTHERS = ("one two three five", "a bad day", "yes", "the film was not good at all")


@dataclass(frozen=True)
class Pairs:
    """Rows of inputs and changed ones, and what a norm makes of each change."""

    x: Any
    x_adv: Any
    known: list[float]


def pairs(modality: Modality, norm: Norm) -> Pairs:
    """Eight pairs for numbers, six for text; the first are equal. All changes are multiples of 1/64."""
    if modality is Modality.TEXT:
        return _texts(norm)
    shape = SHAPES[modality]
    x = grid_examples(8, math.prod(shape)).x
    assert isinstance(x, torch.Tensor)
    x_adv = x.clone()
    changes: list[list[float]] = [
        [], [0.5], [-0.5], [3 / 64, -4 / 64], [0.25] * 4, [1 / 64] * 9, [-2.0, 1.0, 2.0], [4.0, -3.0]
    ]  # fmt: skip
    for row, change in zip(x_adv, changes, strict=True):
        for i, step in enumerate(change):
            row[i * 5] += step  # not neighbours, so that rows of pictures are crossed
    known = [size_of(change, norm) for change in changes]
    return Pairs(x.reshape(8, *shape), x_adv.reshape(8, *shape), known)


def apart(modality: Modality) -> tuple[Any, Any]:
    """Rows that differ, though some only a little; of texts equally many words."""
    if modality is Modality.TEXT:
        return TEXTS, OTHERS
    shape = SHAPES[modality]
    x = grid_examples(16, math.prod(shape)).x
    assert isinstance(x, torch.Tensor)
    x_adv = x.clone()
    places = torch.arange(16) % x.shape[1]
    x_adv[torch.arange(16), places] += torch.tensor([1 / 64, -1 / 64, 1.0, -2.0] * 4)
    return x.reshape(16, *shape), x_adv.reshape(16, *shape)


def extremes(modality: Modality) -> tuple[Any, Any]:
    """The largest changes that may occur, and nothing at all."""
    if modality is Modality.TEXT:
        long = "word " * 300
        return ("", "a", long, "a", "\n\t "), ("a", "", "other " * 300, long, "b")
    shape = SHAPES[modality]
    x = torch.stack([torch.full(shape, value) for value in (-1e30, 0.0, BOUNDS.low, 255.0)])
    return x, torch.stack([torch.full(shape, value) for value in (1e30, 1e-30, BOUNDS.high, 0.0)])


def size_of(change: list[float], norm: Norm) -> float:
    """Of numbers changed by that much each."""
    sizes = [abs(step) for step in change]
    return {
        Norm.L0: float(len(sizes)), Norm.L1: math.fsum(sizes), Norm.L2: math.sqrt(math.fsum(s * s for s in sizes)),
        Norm.LINF: max(sizes, default=0.0), Norm.WORDS: math.nan,
    }[norm]  # fmt: skip


def _texts(norm: Norm) -> Pairs:
    old = "one two three four"
    changed = {
        old: 0.0, "one two three five": 0.25, "one two four": 0.25, "one two and three four": 0.25,
        "four three two one": 1.0, "five six seven eight": 1.0,
    }  # fmt: skip
    return Pairs((old,) * len(changed), tuple(changed), list(changed.values()))
