"""Each rule for metrics has a cheat that its check catches, by its own words and by no accident."""

import cheats_metrics as cheats
import pytest
from cheating import anew, finding, subject_of

from advbench import MetricSpec
from advbench.testing.checks import checks_in, metric_frames, metric_numbers

CHECKS = {check.__name__: check for module in (metric_numbers, metric_frames) for check in checks_in(module)}
COLUMNS = frozenset({"example_id", "verdict"})


def metric_of(cls, columns=COLUMNS, unit="share"):
    spec = MetricSpec(name="cheat", summary="breaks one rule", unit=unit, higher_is_better=True, columns=columns)
    return subject_of("metric", anew(cls), spec)


CAUGHT = [
    ("reads_only_columns_that_it_declares", cheats.ReadsVotesInSecret, "reads the column 'votes'"),
    ("reads_only_columns_that_it_declares", cheats.ReadsVotesIfThere, "With only its columns it gives"),
    ("rows_are_not_changed", cheats.NumbersTheRowsAnew, "It changed the order"),
    ("rows_are_not_changed", cheats.AddsAColumn, "It changed fell"),
    ("rows_are_not_changed", cheats.FillsNulls, "It changed verdict"),
    ("same_rows_same_number", cheats.Bootstraps, "Equal rows give"),
    ("same_rows_same_number", cheats.DrawsFromRandom, "It moved the generator of `random`"),
    ("order_of_rows_is_irrelevant", cheats.ForgivesTheFirst, "in another order"),
    ("all_kinds_of_cells_are_scored", cheats.DividesByTheBroken, "all held, it raises AssertionError"),
    ("all_kinds_of_cells_are_scored", cheats.CountsInFloats, "n must be int"),
    ("all_kinds_of_cells_are_scored", cheats.ReturnsANumber, "Given a cell with all broken, it returns float"),
    ("all_kinds_of_cells_are_scored", cheats.NaNOverMany, "with all held, its value is nan over 6 examples"),
    ("nulls_are_survived", cheats.NeedsLabels, "where every row ended in an error, it raises TypeError"),
    ("no_rows_give_nan", cheats.OneOverNothing, "Over no rows it gives 1, 0 to 1, over 0"),
    ("interval_contains_its_value", cheats.IntervalOfOthers, "Over 27 mixed rows (draw 0) it gives"),
    ("shares_lie_between_0_and_1", cheats.InPercent, "0 to 100, over 27"),
    ("n_counts_examples", cheats.CountsRows, "its n is 27; with two targets each, 54"),
    ("breaking_one_more_never_speaks_for_the_defender", cheats.CountsTheBroken, "counts as better for the defender"),
]


@pytest.fixture(autouse=True)
def _forget():
    yield
    cheats.COUNT.clear()


@pytest.mark.parametrize(("check", "cheat", "told"), CAUGHT, ids=[f"{name}-{cls.__name__}" for name, cls, _ in CAUGHT])
def test_a_cheat_is_caught_by_its_check(check, cheat, told):
    found = finding(metric_of(cheat), CHECKS[f"check_{check}"])
    assert found.outcome == "failed", found
    assert told in found.text
    assert not found.text.startswith("It raised")


def test_columns_that_no_report_has():
    found = finding(metric_of(cheats.Fair, COLUMNS | {"mood", "note_c"}), metric_frames.check_columns_exist)
    assert found.outcome == "failed"
    assert "It declares the columns mood." in found.text


def test_metrics_of_notes_are_left_to_those_who_write_them():
    subject = metric_of(cheats.Fair, COLUMNS | {"note_c"})
    assert finding(subject, metric_frames.check_order_of_rows_is_irrelevant).outcome == "not applicable"


def test_only_shares_are_held_to_the_range_of_shares():
    subject = metric_of(cheats.InPercent, unit="per cent")
    assert finding(subject, metric_numbers.check_shares_lie_between_0_and_1).outcome == "not applicable"


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_an_honest_metric_keeps_every_rule(check):
    found = finding(metric_of(cheats.Fair), check)
    assert found.outcome == "passed", found


def test_every_check_has_its_cheat():
    assert {f"check_{name}" for name, *_ in CAUGHT} | {"check_columns_exist"} == set(CHECKS)
