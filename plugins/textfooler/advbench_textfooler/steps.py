"""The record of one document's walk: which word, which candidates, and what became of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Fate: TypeAlias = Literal[
    "wrong part of speech", "too different", "no better", "better", "chosen", "broke it", "broke it too", "not compared"
]


@dataclass
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


def ignore(step: Step) -> None:
    """Keeps no record."""
