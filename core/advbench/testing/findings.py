"""What the conformance kit says: a rule was kept, broken, excused, or had nothing to act on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Outcome: TypeAlias = Literal["passed", "failed", "excused", "not applicable"]


class Broken(Exception):
    """Raised by a check: what broke, with numbers, and what to do about it."""

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(f"{what} {advice}")
        self.what, self.advice = what, advice


class DoesNotApply(Exception):
    """Raised by a check that has nothing to act on in this component; the message is the reason."""


@dataclass(frozen=True)
class Finding:
    """The outcome of one check on one component. `text`: what broke and what to do, or why not tried."""

    component: str  # as one types it, after its kind: "attack zoo:solver=newton"
    check: str  # "check_stays_in_bounds"
    outcome: Outcome
    text: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.component}: {self.check} — {self.text}"


def require(kept: bool, what: str, advice: str) -> None:
    """Raise Broken unless a rule was kept."""
    if not kept:
        raise Broken(what, advice)
