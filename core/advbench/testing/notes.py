"""Texts for the kit: short notes that can be learnt from, and whatever else may come."""

from __future__ import annotations

import torch

from advbench import Examples, Split

# From nothing to a page; the last ones differ by one word.
ODD = (
    "", " ", "good", "?!", "The film was GOOD, wasn't it?", "well-made", "qwxzv", "\U0001f600 \U0001f44d\U0001f3fd",
    "one\x00two\x1b[31m three\r\n\tfour\u202e", "\ud800 alone", "η ταινία ήταν καλή", "电影很好 很好看", "x" * 5000,
    "a long and winding film " * 400, "the plot is thin but the actors are good",
    "the plot is thin but the actors are fine", "the plot is but the actors are fine",
)  # fmt: skip
_KINDS = (
    ("good", "great", "wonderful", "fine"), ("bad", "awful", "poor", "boring"), ("long", "slow", "quiet", "old"),
)  # fmt: skip
_OTHERS = ("the", "film", "was", "a", "plot", "and", "story", "with")
_SIZES = {"train": 96, "tune": 24, "eval": 48}


def notes(split: Split, classes: int) -> Examples:
    """Eight words each, three of them of its class: one of at most three."""
    n, start = _SIZES[split], list(_SIZES).index(split)
    generator = torch.Generator().manual_seed(start)
    y = torch.arange(n) % classes
    texts = []
    for label in y.tolist():
        words = [_KINDS[label][i] for i in torch.randint(4, (3,), generator=generator).tolist()]
        words += [_OTHERS[i] for i in torch.randint(8, (5,), generator=generator).tolist()]
        texts.append(" ".join(words[i] for i in torch.randperm(8, generator=generator).tolist()))
    return Examples(1000 * start + torch.arange(n), tuple(texts), y)
