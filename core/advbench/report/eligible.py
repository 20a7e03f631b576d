"""Cells that attacked only what every contender of their run gets right: kept apart from all others."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..contract.errors import ReportError
from .outcomes import Outcome


@dataclass(frozen=True)
class Eligible:
    """As stored. `n` of `of` examples were eligible; `ids` and `contenders` are hashes of which and whose."""

    rule: str
    n: int
    of: int
    ids: str
    contenders: str


def eligible(cell: Mapping[str, Any]) -> Eligible | None:
    """What the cell's examples had to be; None: right for its own contender, no more.

    Raises ReportError if what is stored cannot be read.
    """
    text = cell["eligible"]
    if text is None:
        return None
    try:
        found = json.loads(text)
        return Eligible(str(found["rule"]), int(found["n"]), int(found["of"]), found["ids"], found["contenders"])
    except (ValueError, TypeError, KeyError):
        raise ReportError(
            f"cell {cell['cell_id']}: eligible must be null or a record as written by run, got {text!r:.80}."
            " Run the cell again into another folder."
        ) from None


def company(cell: Mapping[str, Any]) -> str | None:
    """Which contenders all had to be right: their cells make a table of their own, over all seeds."""
    found = eligible(cell)
    return None if found is None else found.contenders


def newest(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Without cells over examples that the same contenders, trained anew, no longer agree on."""
    latest: dict[tuple[Any, ...], str] = {}
    for outcome in sorted(outcomes, key=lambda outcome: outcome.cell["finished_at"] or 0):
        if outcome.cell["eligible"] is not None:
            latest[_lists(outcome.cell)] = outcome.cell["eligible"]
    return [outcome for outcome in outcomes if outcome.cell["eligible"] == latest.get(_lists(outcome.cell))]


def titled(cells: Sequence[Mapping[str, Any]]) -> str | None:
    """For the title of their table: `all-correct (64 of 72)`, counts differing between seeds split at `/`."""
    found = sorted({(one.n, one.of, one.rule) for cell in cells if (one := eligible(cell)) is not None})
    if not found:
        return None
    return f"{found[0][2]} ({'/'.join(str(n) for n, _, _ in found)} of {found[0][1]})"


def _lists(cell: Mapping[str, Any]) -> tuple[Any, ...]:
    """Cells equal in this hold one list of eligible examples, or one has replaced the other."""
    return cell["dataset"], cell["dataset_params"], cell["seed"], company(cell)
