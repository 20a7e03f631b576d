"""Words shared by every other module. Imports nothing of ours, and not torch."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


class Modality(enum.StrEnum):
    """The kind of input; the comment is the contract for `x`."""

    IMAGE = "image"  # float32 (N, C, H, W)
    TABULAR = "tabular"  # float32 (N, D)
    SERIES = "series"  # float32 (N, T, C)
    TEXT = "text"  # tuple of N str


class Access(enum.IntEnum):
    """What an attacker may see, weakest first, so that `needs <= offers` reads as it sounds."""

    NONE = 0  # nothing: one submission per example
    LABELS = 1  # the winning class
    SCORES = 2  # one log-space number per class
    GRADIENTS = 3  # d loss / d x

    @property
    def word(self) -> str:
        """The name users type and read."""
        return self.name.lower()


class Norm(enum.StrEnum):
    """How the size of a change is measured; it belongs to the threat, never to an attack."""

    L0 = "l0"
    L1 = "l1"
    L2 = "l2"
    LINF = "linf"
    WORDS = "words"  # share of words changed; text only


class Coverage(enum.StrEnum):
    """The kinds of attack a contender should have faced before its number is believed."""

    GRADIENT = "G"
    SURROGATE = "S"
    SCORE = "Q"
    LABEL = "L"
    TRANSFER = "T"
    NOISE = "N"
    NOTHING = "-"  # the control that changes nothing


class Verdict(enum.StrEnum):
    """What the judge says of one example."""

    BROKEN = "broken"
    HELD = "held"
    SKIPPED = "skipped"  # the contender was wrong on the clean input
    INVALID = "invalid"  # the attack's output broke a rule; counts as held


class StopReason(enum.StrEnum):
    """Why work on one example ended."""

    FOUND = "found"  # a point within the threat
    DONE = "done"  # the attack finished by itself
    BUDGET = "budget"
    TIMEOUT = "timeout"
    BLIND = "blind"  # the contender gave the attack no signal: no evidence of robustness
    ERROR = "error"


@dataclass(frozen=True)
class Bounds:
    """Closed interval every input feature stays in, in input units."""

    low: float
    high: float

    @property
    def width(self) -> float:
        """`high - low`, the unit of every slack."""
        return self.high - self.low

    def clip(self, x: Tensor) -> Tensor:
        """Return x with every feature moved to the nearest value inside."""
        return x.clamp(self.low, self.high)


@dataclass(frozen=True, kw_only=True)
class Threat:
    """The rules of one contest. Chosen by the user, never by the attack.

    Limits are per example and count points, not calls; None counts without stopping.
    """

    access: Access
    norm: Norm
    eps: float | None = None  # input units; None = the smallest change wins
    max_queries: int | None = None
    max_gradients: int | None = None
    max_prepare_queries: int | None = None  # of the whole cell, before the first example
    targeted: bool = False
    targets: str = "random"
    gradient: str = "none"  # which of the contender's gradients: exact, surrogate/...
    eot: int = 1  # draws averaged per gradient
    refine: bool = False  # go on after the first point within eps
    timeout: float | None = None  # seconds per example
