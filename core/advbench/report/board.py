"""What a leaderboard says, as plain data."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from typing import Any, Literal, TypeAlias, TypeVar

from ..contract.texts import one_line

T = TypeVar("T")

By: TypeAlias = Literal["contender", "attack"]
LETTERS = {"G": "gradient", "S": "surrogate", "Q": "score", "L": "label", "T": "transfer", "N": "noise"}


@dataclass(frozen=True)
class Score:
    """A number with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class AttackScore:
    """What one attack did to one contender, over the examples it judged, averaged over seeds.

    state: scored, blind (no number), failed, refused. `distance` is the median, without eps only.
    """

    state: str
    robust: Score | None = None
    distance: Score | None = None
    n: int | None = None
    marks: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One contender in one section; its numbers are per-example worst cases over its attacks.

    state: scored, blind, not attacked, unfinished, refused; only `scored` has numbers beside clean.
    spread: standard deviation over seeds of the ranked number. queries: median over what
    `by`, the strongest single attack, broke, or attacked if it broke nothing (queries_over).
    coverage: letters of the kinds of attack faced. marks: how often each remark applies.
    """

    rank: int | None = None
    contender: str
    twin_of: str | None = None
    state: str
    seeds: int = 1
    n: int | None = None
    clean: Score | None = None
    robust: Score | None = None
    distance: Score | None = None
    spread: float | None = None
    by: str | None = None
    by_surrogate: bool = False
    queries: float | None = None
    queries_over: str | None = None
    coverage: str = ""
    missing: str = ""
    marks: dict[str, int] = field(default_factory=dict)
    attacks: dict[str, AttackScore] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Section:
    """One table: nothing in it differs but contender, attack and seed."""

    dataset: str
    norm: str
    eps: float | None
    reference_eps: float | None
    max_queries: int | None
    targets: str | None  # None: untargeted
    eligible: str | None = None  # None: whatever a contender gets right; else `all-correct (64 of 72)`
    attacks: tuple[str, ...]
    lines: tuple[Line, ...]
    refusals: tuple[str, ...]  # who, by what, why: refused and failed cells


@dataclass(frozen=True)
class Leaderboard:
    """All sections, to be shown by contender or by attack. `damaged`: parts left out, and why."""

    by: By
    sections: tuple[Section, ...]
    damaged: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Everything as JSON values: infinity as "inf", not-a-number as null."""
        found: dict[str, Any] = _jsonable(asdict(self))
        return found


def shown(value: T) -> T:
    """The same, with every text in it fit for a terminal: reports may come from strangers."""
    whole: Any = value
    if isinstance(whole, str):
        whole = one_line(whole)
    elif isinstance(whole, dict):
        whole = {shown(key): shown(part) for key, part in whole.items()}
    elif isinstance(whole, tuple):
        whole = tuple(map(shown, whole))
    elif is_dataclass(whole) and not isinstance(whole, type):
        whole = replace(whole, **{item.name: shown(getattr(whole, item.name)) for item in fields(whole)})
    found: T = whole
    return found


def _jsonable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _jsonable(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_jsonable(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value
