"""What the three published versions of TextFooler do differently."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import numpy as np

Numbers: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"
Preset = Literal["paper", "released", "textattack"]
Arithmetic = Literal["cosine", "radians", "angular"]
WINDOW = 15  # words of the current text and of a candidate that are compared


@dataclass(frozen=True)
class Settings:
    """One version.

    importance: what is asked to rank the words. score: of a word, by both classes if the label
    changed (equation 2), or by the true one alone. cosine: least, between a word and a candidate.
    similarity: least, of the two windows, in `arithmetic`; `short`: instead of it in texts of less
    than 15 words. ask: about candidates that pass all tests, or about all. accept: a candidate that
    makes the true class less likely than the current text, or than the original. before, after:
    tokens around a candidate that its tag is found in; whole: texts of up to that many tokens are
    taken whole. tags: in the current text or in the original one.
    """

    importance: Literal["deletion", "unknown"]
    score: Literal["both", "true"]
    cosine: float
    similarity: float
    arithmetic: Arithmetic
    short: float
    ask: Literal["passing", "all"]
    accept: Literal["current", "original"]
    before: int = 4
    after: int = 4
    whole: int = 10
    tags: Literal["current", "original"] = "current"

    def least(self, words: int) -> float:
        """Similarity that a candidate must reach in a text of that many words."""
        return self.short if words < WINDOW else self.similarity


PRESETS: Mapping[Preset, Settings] = MappingProxyType(
    {
        # The two thresholds printed, and Algorithm 1 with equation 2. It names no window and no exception.
        "paper": Settings("deletion", "both", 0.7, 0.7, "cosine", 0.7, "passing", "current"),
        # The authors' code, with the threshold that its author says gives the paper's numbers.
        "released": Settings("unknown", "both", 0.5, 0.5, "radians", 0.1, "all", "original"),
        # TextAttack's recipe. Short texts are not compared.
        "textattack": Settings(
            "deletion", "true", 0.5, 0.840845057, "angular", -math.inf, "passing", "current",
            after=3, whole=0, tags="original",
        ),
    }
)  # fmt: skip
_MEASURES: Mapping[Arithmetic, Callable[[Numbers], Numbers]] = MappingProxyType(
    {
        "cosine": lambda cosine: cosine,
        "radians": lambda cosine: 1 - np.arccos(cosine),
        "angular": lambda cosine: 1 - np.arccos(cosine) / math.pi,
    }
)


def measured(cosine: Numbers, arithmetic: Arithmetic) -> Numbers:
    """Similarity from cosines in [-1, 1]."""
    return _MEASURES[arithmetic](cosine)
