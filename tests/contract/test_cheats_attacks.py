"""Each rule for attacks has a cheat that its check catches, by its own words and by no accident."""

from dataclasses import replace

import cheats_attacks as cheats
import pytest
from cheating import attack_of, finding

from advbench import Access
from advbench.testing.checks import attack_answers, attack_budget, attack_manners, attack_rows

MODULES = (attack_manners, attack_answers, attack_rows, attack_budget)
CHECKS = {name: value for module in MODULES for name, value in vars(module).items() if name.startswith("check_")}

CAUGHT = [
    ("inputs_are_not_modified", cheats.ClipsItsInput, "its input x"),
    ("inputs_are_not_modified", cheats.RewritesTheLabels, "the goal's labels"),
    ("no_global_state_is_moved", cheats.DrawsFromTorch, "global generator of torch"),
    ("no_global_state_is_moved", cheats.DrawsFromNumpy, "generator of `random`, the global generator of numpy"),
    ("no_global_state_is_moved", cheats.SwitchesGradientsOff, "torch's gradient mode, the environment"),
    ("no_output_is_printed", cheats.Prints, "first 'one more step"),
    ("same_seed_same_bytes", cheats.SeedsItself, "asked the same points"),
    ("other_seed_differs", cheats.IgnoresItsDraws, "Seeds 0 and 1 gave the same points"),
    ("needs_is_honest", cheats.AsksForScores, "declares labels, but"),
    ("asks_nothing_after_its_end", cheats.KeepsTheOracle, "after perturb had returned"),
    ("asks_nothing_about_finished_rows", cheats.AsksForTheDead, "points were asked for rows that were over"),
    ("object_is_not_changed", cheats.Remembers, "It put memory on itself"),
    ("telling_changes_nothing", cheats.ExplainsAnotherCourse, "were the same when it explained itself"),
    ("telling_changes_nothing", cheats.ExplainsWithoutAWord, "without a word"),
    ("breaks_the_easy_toy", cheats.Timid, "It broke 0 of 8 rows within l2 1"),
    ("uses_the_whole_range", cheats.ClipsToTheUnitRange, "It broke 0 of 8 rows where the first number must cross 2"),
    ("returns_input_when_hopeless", cheats.ReturnsItsLastPoint, "4 of 4 rows came back changed"),
    ("returned_points_are_adversarial", cheats.ReturnsTheWrongEnd, "still get their old label"),
    ("output_shape_dtype_and_bounds", cheats.ReturnsDoubles, "torch.float64"),
    ("output_shape_dtype_and_bounds", cheats.ReturnsNaN, "NaN or infinity"),
    ("output_shape_dtype_and_bounds", cheats.ReturnsTooMuch, "the bounds are -1 to 3"),
    ("output_shape_dtype_and_bounds", cheats.ReturnsAList, "It returned list for a tensor"),
    ("survives_rows_that_are_broken_already", cheats.DividesByNothing, "NaN or infinity"),
    ("targeted_if_declared", cheats.IgnoresTheTarget, "rows of the class asked for"),
    ("breaks_a_stochastic_toy_for_real", cheats.StopsAtAnyFlip, "of a contender with a little noise"),
    ("distance_is_near_the_known_optimum", cheats.TakesTheFirst, "times the smallest change"),
    ("rows_are_independent", cheats.NormOverTheBatch, "Rows influence each other"),
    ("rows_are_independent", cheats.OneEndsAll, "Rows influence each other"),
    ("one_rows_end_is_not_anothers", cheats.SharesTheBudget, "Rows influence each other"),
    ("order_of_calls_does_not_matter", cheats.LearnsFromOneForTheNext, "It remembers earlier examples"),
    ("budget_is_respected", cheats.RaisesItsOwnBudget, "queries of a row must be <= 0"),
    ("asks_only_through_the_oracle", cheats.AsksPastTheOracle, "Something asked the contender past the oracle"),
    ("ends_by_itself", cheats.NeverEnds, "must end within"),
]


@pytest.fixture(autouse=True)
def _forget():
    yield
    cheats.KEPT.clear()
    cheats.LAST.clear()


@pytest.mark.parametrize(("check", "cheat", "told"), CAUGHT, ids=[f"{name}-{cls.__name__}" for name, cls, _ in CAUGHT])
def test_a_cheat_is_caught_by_its_check(check, cheat, told):
    found = finding(attack_of(cheat), CHECKS[f"check_{check}"])
    assert found.outcome == "failed"
    assert told in found.text
    assert not found.text.startswith("It raised")


def test_an_attack_that_says_it_needs_more_than_it_asks_for():
    found = finding(attack_of(cheats.Honest, needs=Access.SCORES), CHECKS["check_needs_is_honest"])
    assert "declares scores, but asked for labels at most" in found.text


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_the_honest_attack_keeps_every_rule(check):
    found = finding(attack_of(cheats.Honest), check)
    assert found.outcome == "passed", found


def test_every_check_has_its_cheat():
    assert {f"check_{name}" for name, *_ in CAUGHT} == set(CHECKS)


def test_an_excuse_is_shown_in_place_of_the_failure():
    attack = attack_of(cheats.Timid, excused={"check_breaks_the_easy_toy": "it is meant to be weak"})
    found = finding(attack, CHECKS["check_breaks_the_easy_toy"])
    assert (found.outcome, found.text) == ("excused", "it is meant to be weak")


def test_an_excuse_that_is_not_needed_fails():
    attack = attack_of(cheats.Honest, excused={"check_ends_by_itself": "no time"})
    found = finding(attack, CHECKS["check_ends_by_itself"])
    assert found.outcome == "failed"
    assert "Remove the excuse" in found.text


def test_what_an_attack_raises_is_a_finding_with_its_place():
    @cheats.cheat
    class Raises(cheats.Honest):
        def unit(self, x, rows, rng):
            raise ZeroDivisionError("no direction")

    found = finding(attack_of(Raises), CHECKS["check_ends_by_itself"])
    assert found.outcome == "failed"
    assert "It raised ZeroDivisionError at test_cheats_attacks.py:" in found.text


def test_a_rule_that_has_nothing_to_act_on_is_told():
    found = finding(replace_batched(cheats.Honest), CHECKS["check_rows_are_independent"])
    assert (found.outcome, found.text) == ("not applicable", "it is given one example at a time")


def replace_batched(cls):
    subject = attack_of(cls)
    return replace(subject, entry=replace(subject.entry, spec=replace(subject.spec, batched=False)))
