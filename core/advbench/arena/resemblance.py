"""How much a changed text still resembles the original: measured by the judge, never by an attack."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..contract.edits import edits
from ..contract.wording import Wording

Encode = Callable[[tuple[str, ...]], Tensor]  # N texts -> (N, width)
WINDOW = 15  # words: sentence encoders cut long texts off, and one word drowns in a page
_AT_ONCE = 256  # windows encoded together


def resemblances(before: Sequence[str], after: Sequence[str], encode: Encode | None) -> list[dict[str, float | None]]:
    """Per pair `edit_distance` in characters, and `similarity` and `similarity_min` over its windows.

    The similarity of two windows is the cosine of their vectors, 0 where one has the zero vector;
    without an encoder it is left out.
    """
    cut = [windows(old, new) for old, new in zip(before, after, strict=True)]
    changed = [text for own in cut for pair in own if pair[0] != pair[1] for text in pair]
    vectors = _encoded(changed, encode) if encode else {}
    rows: list[dict[str, float | None]] = []
    for old, new, own in zip(before, after, cut, strict=True):
        row: dict[str, float | None] = {"edit_distance": float(edits(old, new))}
        if encode:
            cosines = [1.0 if one == other else _cosine(vectors[one], vectors[other]) for one, other in own]
            row |= {"similarity": sum(cosines) / len(cosines), "similarity_min": min(cosines)}
        rows.append(row)
    return rows


def windows(old: str, new: str) -> list[tuple[str, str]]:
    """Both texts cut at the same shares of their words, into windows of at most 15 words of the longer.

    Where no word was inserted or removed, a window holds the same places of both. One that holds
    no word of either text holds what else is there: no change is outside all windows.
    """
    first, second = Wording.of(old), Wording.of(new)
    count = max(1, -(-max(len(first), len(second)) // WINDOW))
    return list(zip(_parts(first, count), _parts(second, count), strict=True))


def _parts(wording: Wording, count: int) -> list[str]:
    """That many stretches which joined are the text; each ends after the gap behind its last word."""
    n = len(wording)
    ends = [n * (part + 1) // count for part in range(count)]
    found: list[str] = []
    start = 0
    for end in ends:
        pieces = [wording.gaps[0]] if not found else []
        for at in range(start, end):
            pieces += [wording.words[at], wording.gaps[at + 1]]
        found.append("".join(pieces))
        start = end
    return found


def _encoded(texts: Sequence[str], encode: Encode) -> dict[str, Tensor]:
    """Float64 vectors of the different ones among the texts."""
    different = tuple(dict.fromkeys(texts))
    found: dict[str, Tensor] = {}
    for start in range(0, len(different), _AT_ONCE):
        some = different[start : start + _AT_ONCE]
        found |= dict(zip(some, encode(some).double(), strict=True))
    return found


def _cosine(one: Tensor, other: Tensor) -> float:
    lengths = float(one.norm() * other.norm())
    return max(-1.0, min(1.0, float(torch.dot(one, other)) / lengths)) if lengths > 0 else 0.0
