"""Budgets are kept, and running out of one is a result, not an accident."""

from __future__ import annotations

from dataclasses import replace

from advbench.contract.errors import JudgeMismatch

from ..field import hopeless
from ..findings import Broken, require
from ..subject import Subject


def check_budget_is_respected(subject: Subject) -> None:
    """With 0, 1 and 7 queries an example it ends in order and charges no more."""
    for budget in (0, 1, 7):
        try:
            bout = subject.bout(subject.field.easy(), subject.field.near(1.0, 5), replace(subject.rules, budget=budget))
        except JudgeMismatch as error:
            raise Broken(f"With a budget of {budget}: {error}", "Ask only through the oracle.") from None
        most = max(row["queries"] for row in bout.rows)
        require(most <= budget, f"A row asked {most} queries of a budget of {budget}.", "Ask only through the oracle.")


def check_asks_only_through_the_oracle(subject: Subject) -> None:
    """What the contender answered must be what the ledger charged."""
    try:
        _ = subject.easy_bout
    except JudgeMismatch as error:
        raise Broken(f"{error}", "Ask the oracle, never the contender behind it.") from None


def check_ends_by_itself(subject: Subject) -> None:
    """Without any budget, against a contender that cannot be moved, it ends all the same."""
    subject.bout(hopeless(subject.field), subject.field.near(1.0, 2, side=-1), replace(subject.rules, budget=None))
