"""Rows never influence each other: not by their number, their order, or what happens to one of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from advbench import Contender, Examples

from ..bout import Bout, select
from ..findings import Broken, DoesNotApply
from ..subject import Subject

ROWS, SMALL, BUDGETS = 9, (1, 7), (7, 600)
ADVICE = (
    "Rows influence each other; look for a norm, a mean or a random draw over the whole batch, or set"
    " spec.batched=False."
)


def check_rows_are_independent(subject: Subject) -> None:
    """Alone, in sevens and backwards, every row ends bit for bit where it ends among nine."""
    _must_take_batches(subject)
    _compare(subject, BUDGETS[-1])


def check_one_rows_end_is_not_anothers(subject: Subject) -> None:
    """The same when budgets end in the middle of a step."""
    _must_take_batches(subject)
    for budget in BUDGETS[:-1]:
        _compare(subject, budget)


def check_order_of_calls_does_not_matter(subject: Subject) -> None:
    """One example at a time, forwards and backwards: what was learnt from one is not used on the next."""
    examples = subject.field.near(1.0, 6)
    forwards = subject.bout(subject.field.easy(), examples, group=1)
    backwards = subject.bout(subject.field.easy(), select(examples, torch.arange(6).flip(0)), group=1)
    _require_equal(forwards, backwards, "in order", "backwards", "It remembers earlier examples; keep no state.")


def _must_take_batches(subject: Subject) -> None:
    if not subject.spec.batched:
        raise DoesNotApply("it is given one example at a time")


def _compare(subject: Subject, budget: int) -> None:
    for contender, examples, eps in _contests(subject):
        rules = replace(subject.rules, eps=eps, budget=budget)
        together = subject.bout(contender, examples, rules)
        for group in SMALL:
            apart = subject.bout(contender, examples, rules, group=group)
            words = "alone" if group == 1 else f"in groups of {group}"
            _require_equal(together, apart, f"among {ROWS}", words, ADVICE)
        turned = subject.bout(contender, select(examples, torch.arange(ROWS).flip(0)), rules)
        _require_equal(together, turned, "in order", "backwards", ADVICE)


def _contests(subject: Subject) -> list[tuple[Contender, Examples, float | None]]:
    found: list[tuple[Contender, Examples, float | None]] = [
        (subject.field.easy(), subject.field.near(1.0, ROWS), subject.rules.eps)
    ]
    if subject.field.shape is not None:
        found.append((subject.field.linear(), subject.field.middle(ROWS), None))
    return found


def _require_equal(one: Bout, other: Bout, how: str, how_else: str, advice: str) -> None:
    others = {row["example_id"]: row for row in other.rows}
    for row in one.rows:
        twin = others[row["example_id"]]
        for column, value in row.items():
            if repr(value) != repr(twin[column]):
                raise Broken(
                    f"Example {row['example_id']} ends with {column} {_short(value)} {how} and"
                    f" {_short(twin[column])} {how_else}.", advice,
                )  # fmt: skip
    for name, point in one.points.items():
        if not torch.equal(point, other.points[name]):
            gap = float((point - other.points[name]).abs().max())
            raise Broken(f"Example {name} ends {gap:.2g} away {how_else} from where it ends {how}.", advice)


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
