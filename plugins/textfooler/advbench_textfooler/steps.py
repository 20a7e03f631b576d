"""The record of one document's walk: which word, which candidates, and what became of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Fate: TypeAlias = Literal[
    "wrong part of speech", "too different", "no better", "better", "chosen", "broke it", "broke it too", "not compared"
]


@dataclass(slots=True, eq=False)
class Candidate:
    """A word that might stand for another; None is what was never found out.

    cosine: between the two words. similarity: of the windows. chance: probability of the true class.
    """

    word: str
    cosine: float
    text: str = field(repr=False, default="")
    similarity: float | None = None
    chance: float | None = None
    met: bool = False
    fate: Fate = "no better"


@dataclass(frozen=True)
class Step:
    """One word's turn. importance: that by which it was ranked; chance: of the true class before the turn."""

    at: int
    word: str
    importance: float
    chance: float
    candidates: tuple[Candidate, ...]


Log: TypeAlias = Callable[[Step], None]


def in_words(step: Step) -> Iterator[str]:
    """The step for people: the word, then a line a candidate. What was never found out is left empty."""
    count = len(step.candidates)
    yield (
        f"word {step.at + 1} '{step.word}', importance {step.importance:.4f}: the true class has {step.chance:.4f};"
        f" {count} candidate{'s' * (count > 1)}"
    )
    width = max(len(one.word) for one in step.candidates)
    for one in step.candidates:
        similarity = "" if one.similarity is None else f"{one.similarity:.3f}"
        chance = "" if one.chance is None else f"{one.chance:.4f}"
        yield (
            f"  {one.word:{width}}  cosine {one.cosine:.3f}  similarity {similarity:5}  true class {chance:6}"
            f"  {one.fate}"
        )
