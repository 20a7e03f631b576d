"""A metric reads the stored rows it declares, whatever they are, and changes none of them."""

from __future__ import annotations

import math
import random
from typing import Any

import pandas as pd

from advbench import Estimate
from advbench.contract.fitting import misfit
from advbench.records.tables import NOTE

from ..bout import traces
from ..findings import Broken, DoesNotApply, require
from ..frames import ALWAYS, STORED, broken, frame, held, lost, mixed, skipped, spelt, targets
from ..subject import Subject


def check_columns_exist(subject: Subject) -> None:
    """What it declares is stored in examples.parquet, or a note of an attack's."""
    strange = sorted(c for c in subject.spec.columns - STORED - ALWAYS if not c.startswith(NOTE))
    require(not strange, f"It declares the columns {', '.join(strange)}.", "See `advbench show` for those stored.")


def check_reads_only_columns_that_it_declares(subject: Subject) -> None:
    """Without all others it says the same: old reports may lack them."""
    _needs_no_notes(subject)
    whole = frame(mixed())
    part = whole[sorted((subject.spec.columns & STORED) | ALWAYS)]
    try:
        found = subject.instance(part)
    except KeyError as error:
        raise Broken(f"It reads the column {error}, which it does not declare.", "Add it to `columns`.") from None
    full = subject.instance(whole)
    require(
        spelt(found) == spelt(full),
        f"With only its columns it gives {spelt(found)}, with all of them {spelt(full)}.", "Declare what it reads.",
    )  # fmt: skip


def check_rows_are_not_changed(subject: Subject) -> None:
    """The next metric gets the same frame."""
    _needs_no_notes(subject)
    rows = frame(mixed())
    before = rows.copy()
    subject.instance(rows)
    if not rows.index.equals(before.index):
        told = ["the order"]
    else:
        told = [str(name) for name in rows.columns if name not in before or not rows[name].equals(before[name])]
    require(not told, f"It changed {', '.join(told)} of the frame it was given.", "Work on a copy.")


def check_same_rows_same_number(subject: Subject) -> None:
    """Nothing is remembered or drawn: old reports can be scored again."""
    _needs_no_notes(subject)
    with traces() as left:
        first, again = (subject.instance(frame(mixed())) for _ in range(2))
    require(
        spelt(first) == spelt(again),
        f"Equal rows give {spelt(first)}, then {spelt(again)}.", "Draw with a fixed seed of your own; keep no state.",
    )  # fmt: skip
    require(
        not left.moved and not left.printed,
        f"It moved {', '.join(left.moved)}; it printed {left.printed[:40]!r}.", "Compute, and nothing else.",
    )  # fmt: skip


def check_order_of_rows_is_irrelevant(subject: Subject) -> None:
    """Workers finish in any order."""
    _needs_no_notes(subject)
    for rows in (mixed(), targets()):
        shuffled = random.Random(1).sample(rows, len(rows))
        one, other = subject.instance(frame(rows)), subject.instance(frame(shuffled))
        require(
            spelt(one) == spelt(other),
            f"{len(rows)} rows give {spelt(one)}, in another order {spelt(other)}.",
            "Sort, or use what does not depend on it.",
        )


def check_all_kinds_of_cells_are_scored(subject: Subject) -> None:
    """Cells where all fell, all held, none counts, or one example is left are results, not accidents."""
    _needs_no_notes(subject)
    cells = {
        "all broken": [broken(i) for i in range(6)],
        "all held": [held(i) for i in range(6)],
        "all skipped": [skipped(i) for i in range(6)],
        "all abstained": [skipped(i, -1) for i in range(6)],
        "one broken": [broken(0)],
        "one held": [held(0)],
        "two targets each": targets(),
    }
    for name, rows in cells.items():
        _require_estimate(subject, frame(rows), f"a cell with {name}")


def check_nulls_are_survived(subject: Subject) -> None:
    """Columns may be null: clean labels of failed rows, votes of the deterministic, eps where none was set."""
    _needs_no_notes(subject)
    _require_estimate(subject, frame([lost(i) for i in range(4)]), "a cell where every row ended in an error")
    _require_estimate(subject, frame(mixed(), eps=None), "a cell without eps")
    bare = [{"example_id": i, "label": 1, "clean_label": 1, "verdict": "held"} for i in range(4)]
    _require_estimate(subject, frame(bare), "rows with nothing but their verdict")


def _require_estimate(subject: Subject, rows: pd.DataFrame, what: str) -> None:
    try:
        found: Any = subject.instance(rows)
    except Exception as error:
        raise Broken(f"Given {what}, it raises {type(error).__name__}: {error}.", "Give NaN where n is 0.") from error
    require(isinstance(found, Estimate), f"Given {what}, it returns {type(found).__name__}.", "Return an Estimate.")
    flaw = misfit(found)
    require(flaw is None, f"Given {what}: {flaw}.", "Turn numpy's numbers into Python's.")
    require(
        found.n >= 0 and math.isnan(found.value) == (found.n == 0),
        f"Given {what}, its value is {found.value:g} over {found.n} examples.", "Give NaN exactly where n is 0.",
    )  # fmt: skip


def _needs_no_notes(subject: Subject) -> None:
    notes = sorted(column for column in subject.spec.columns if column.startswith(NOTE))
    if notes:
        raise DoesNotApply(f"it reads {notes[0]}, which only some attacks write")
