"""A metric's number means what its spec says: its unit, its direction, its interval."""

from __future__ import annotations

import math

from advbench import Estimate
from advbench.records.tables import NOTE

from ..findings import DoesNotApply, require
from ..frames import Row, broken, frame, held, mixed, skipped, spelt
from ..subject import Subject

SEEDS = range(12)
SLACK = 1e-9


def check_no_rows_give_nan(subject: Subject) -> None:
    """Nothing was measured: not 0, not 1."""
    found = subject.instance(frame([]))
    numbers = (found.value, found.low, found.high)
    require(
        found.n == 0 and all(math.isnan(number) for number in numbers),
        f"Over no rows it gives {spelt(found)}.", "Return Estimate(nan, nan, nan, 0).",
    )  # fmt: skip


def check_interval_contains_its_value(subject: Subject) -> None:
    """low <= value <= high, wherever they are numbers."""
    for seed, rows in _cells(subject):
        found = subject.instance(frame(rows))
        inside = not found.low > found.value + SLACK and not found.value > found.high + SLACK
        require(
            inside, f"Over {len(rows)} mixed rows (draw {seed}) it gives {spelt(found)}.",
            "Take value and interval from the same examples.",
        )  # fmt: skip


def check_shares_lie_between_0_and_1(subject: Subject) -> None:
    """The unit `share` is printed as a percentage."""
    if subject.spec.unit != "share":
        raise DoesNotApply(f"its unit is {subject.spec.unit}")
    for seed, rows in _cells(subject):
        found = subject.instance(frame(rows))
        bad = [number for number in (found.value, found.low, found.high) if number < 0 or number > 1]
        require(
            not bad, f"Over {len(rows)} mixed rows (draw {seed}) it gives {spelt(found)}.",
            "Divide by all that could count, and clip intervals, or name another unit.",
        )  # fmt: skip


def check_n_counts_examples(subject: Subject) -> None:
    """n is how many examples the number rests on, never more than there are; several targets are one example."""
    for seed, rows in _cells(subject):
        found = subject.instance(frame(rows))
        twice = [{**row, "target": target} for row in rows for target in (0, 2)]
        most = len({row["example_id"] for row in rows})
        doubled = subject.instance(frame(twice))
        require(
            found.n <= most and doubled.n == found.n,
            f"Over {most} examples (draw {seed}) its n is {found.n}; with two targets each, {doubled.n}.",
            "Fold the rows of one example_id into one before counting.",
        )


def check_breaking_one_more_never_speaks_for_the_defender(subject: Subject) -> None:
    """A held row that falls instead must not improve the number, as higher_is_better has it."""
    sign = 1 if subject.spec.higher_is_better else -1
    for seed, rows in _cells(subject):
        before = subject.instance(frame(rows))
        for place in [i for i, row in enumerate(rows) if _plainly_held(row)]:
            size = (1 + (place * 7 + seed) % 64) / 64  # within eps, small and large ones
            fallen = broken(rows[place]["example_id"], size)
            if rows[place].get("votes") is not None:
                fallen["votes"] = 0.75
            after = subject.instance(frame([*rows[:place], fallen, *rows[place + 1 :]]))
            require(
                not sign * after.value > sign * before.value + SLACK,
                f"When one more of {len(rows)} rows is broken, at {size:g}, it goes from {_short(before)} to"
                f" {_short(after)}, which counts as better for the defender.",
                "Count held rows as infinite, or correct `higher_is_better`.",
            )


def _plainly_held(row: Row) -> bool:
    return row["verdict"] == "held" and row["clean_label"] is not None


def _cells(subject: Subject) -> list[tuple[int, list[Row]]]:
    if any(column.startswith(NOTE) for column in subject.spec.columns):
        raise DoesNotApply("it reads notes, which only some attacks write")
    return [(seed, [*mixed(seed), broken(90), held(91), skipped(92)]) for seed in SEEDS]


def _short(found: Estimate) -> str:
    return f"{found.value:.6g}"
