"""How alike texts are: cosines of their sentence vectors, each text encoded once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, TypeAlias

import numpy as np
from torch import Tensor

Numbers: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"
Encode: TypeAlias = Callable[[tuple[str, ...]], Tensor]
_TOGETHER, _KEPT = 256, 20_000  # texts encoded in one call, and vectors remembered


class Likeness:
    """Vectors are remembered, for windows come back."""

    def __init__(self, encode: Encode) -> None:
        self._encode = encode
        self._vectors: dict[str, Numbers] = {}

    def cosines(self, bases: Sequence[str], others: Sequence[list[str]]) -> list[Numbers]:
        """Of each base with its own others, float64 in [-1, 1]; 0 where one of two vectors is zero."""
        self._meet([text for base, own in zip(bases, others, strict=True) for text in (base, *own)])
        one = self._stacked([base for base, own in zip(bases, others, strict=True) for _ in own])
        other = self._stacked([text for own in others for text in own])
        lengths = np.sqrt((other * other).sum(axis=1) * (one * one).sum(axis=1))
        dots = (other * one).sum(axis=1)
        cosines = np.clip(np.divide(dots, lengths, out=np.zeros_like(dots), where=lengths > 0), -1, 1)
        return np.split(cosines, list(accumulate(map(len, others)))[:-1])

    def _stacked(self, texts: list[str]) -> Numbers:
        return np.concatenate([self._vectors[text] for text in texts]).reshape(len(texts), -1)

    def _meet(self, texts: list[str]) -> None:
        if len(self._vectors) > _KEPT:
            self._vectors.clear()
        new = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        for start in range(0, len(new), _TOGETHER):
            some = new[start : start + _TOGETHER]
            self._vectors |= zip(some, self._encode(tuple(some)).double().cpu().numpy(), strict=True)
