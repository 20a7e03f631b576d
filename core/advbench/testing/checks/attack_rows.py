"""Rows never influence each other: not by their number, their order, or what happens to one of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from advbench import Contender, Examples

from ..bout import Bout, select
from ..findings import Broken, DoesNotApply
from ..subject import Subject

ROWS, ALONE, SMALL = 9, (0, 5, 8), 7
SHORT, ENOUGH = 7, 300  # queries an example
ADVICE = (
    "Rows influence each other; look for a norm, a mean or a random draw over the whole batch, or set"
    " spec.batched=False."
)


def check_rows_are_independent(subject: Subject) -> None:
    """Alone, in sevens or backwards, a row ends bit for bit where it ends among nine."""
    _must_take_batches(subject)
    _compare(subject, ENOUGH)


def check_one_rows_end_is_not_anothers(subject: Subject) -> None:
    """The same when budgets end in the middle of a step."""
    _must_take_batches(subject)
    _compare(subject, SHORT)


def check_order_of_calls_does_not_matter(subject: Subject) -> None:
    """One example at a time, forwards and backwards: what was learnt from one is not used on the next."""
    examples = subject.field.near(1.0, 4)
    forwards = subject.bout(subject.field.easy(), examples, group=1)
    backwards = subject.bout(subject.field.easy(), select(examples, torch.arange(4).flip(0)), group=1)
    _require_equal(forwards, backwards, "in order", "backwards", "It remembers earlier examples; keep no state.")


def _must_take_batches(subject: Subject) -> None:
    if not subject.spec.batched:
        raise DoesNotApply("it is given one example at a time")


def _compare(subject: Subject, budget: int) -> None:
    for contender, examples, eps in _contests(subject):
        rules = replace(subject.rules, eps=eps, budget=budget)
        together = subject.bout(contender, examples, rules)
        alone = subject.bout(contender, select(examples, torch.tensor(ALONE)), rules, group=1)
        _require_equal(together, alone, f"among {ROWS}", "alone", ADVICE)
        apart = subject.bout(contender, examples, rules, group=SMALL)
        _require_equal(together, apart, f"among {ROWS}", f"in groups of {SMALL}", ADVICE)
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
    """Every row of the other bout ends as in the one, which may have more."""
    ones = {row["example_id"]: row for row in one.rows}
    for twin in other.rows:
        row = ones[twin["example_id"]]
        for column, value in row.items():
            if repr(value) != repr(twin[column]):
                raise Broken(
                    f"Example {row['example_id']} ends with {column} {_short(value)} {how} and"
                    f" {_short(twin[column])} {how_else}.", advice,
                )  # fmt: skip
    for name, twin_point in other.points.items():
        point = one.points[name]
        if not torch.equal(point, twin_point):
            gap = float((point - twin_point).abs().max())
            raise Broken(f"Example {name} ends {gap:.2g} away {how_else} from where it ends {how}.", advice)


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
