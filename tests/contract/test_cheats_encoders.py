"""Each rule for encoders has a cheat that its check catches, by its own words and by no accident."""

import cheats_encoders as cheats
import pytest
from cheating import anew, finding, subject_of

from advbench import EncoderSpec
from advbench.testing.checks import checks_in, encoder

CHECKS = {check.__name__: check for check in checks_in(encoder)}


def encoder_of(cls):
    return subject_of("encoder", anew(cls), EncoderSpec(name="cheat", summary="breaks one rule"))


CAUGHT = [
    ("facts_are_known", cheats.SaysNothingOfItsData, "Its digest is '?'"),
    ("vectors_are_as_the_facts_say", cheats.InFloat64, "For 17 texts it gives torch.float64 (17, 3) on cpu"),
    ("vectors_are_as_the_facts_say", cheats.KeepsItsGraph, "Its vectors require gradients"),
    ("every_text_has_a_vector_inside_the_bounds", cheats.DividesByNothing, "'' has numbers from nan to nan"),
    ("every_text_has_a_vector_inside_the_bounds", cheats.Counts, "'good' has numbers from 0 to 2"),
    ("rows_are_independent", cheats.CentresTheBatch, "of 17 texts have another vector alone"),
    ("rows_are_independent", cheats.AddsUpAsItGoes, "of 17 texts have another vector backwards"),
    ("encoding_is_repeatable", cheats.DrawsItsTable, "Loaded twice it gives"),
    ("texts_are_told_apart", cheats.SaysTheSame, "All 17 texts have one vector"),
    ("leaves_no_traces", cheats.Chatters, "It printed 'encoding 17"),
]


@pytest.mark.parametrize(("check", "cheat", "told"), CAUGHT, ids=[f"{name}-{cls.__name__}" for name, cls, _ in CAUGHT])
def test_a_cheat_is_caught_by_its_check(check, cheat, told):
    found = finding(encoder_of(cheat), CHECKS[f"check_{check}"])
    assert found.outcome == "failed", found
    assert told in found.text
    assert not found.text.startswith("It raised")


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_an_honest_encoder_keeps_every_rule(check):
    assert finding(encoder_of(cheats.Honest), check).outcome == "passed"


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_absent_data_are_no_failure_and_the_command_is_told(check):
    found = finding(encoder_of(cheats.NotFetched), check)
    assert found.outcome == "not applicable"
    assert "advbench data fetch cheat" in found.text


def test_every_check_has_its_cheat():
    assert {f"check_{name}" for name, *_ in CAUGHT} == set(CHECKS)
