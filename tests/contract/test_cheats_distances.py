"""Each rule for distances has a cheat that its check catches, by its own words and by no accident."""

import cheats_distances as cheats
import pytest
from cheating import anew, finding, subject_of

from advbench import DistanceSpec, Modality, Norm
from advbench.testing.checks import checks_in, distance

CHECKS = {check.__name__: check for check in checks_in(distance)}
NUMERIC = frozenset({Modality.TABULAR, Modality.SERIES, Modality.IMAGE})
TEXT = frozenset({Modality.TEXT})


def distance_of(cls, norm=Norm.L2):
    modalities = TEXT if norm is Norm.WORDS else NUMERIC
    spec = DistanceSpec(name="cheat", summary="breaks one rule", norm=norm, modalities=modalities)
    return subject_of("distance", anew(cls), spec)


CAUGHT = [
    ("sizes_are_float64_one_per_row", cheats.InFloat32, Norm.L2, "it returns torch.float32 (16,)"),
    ("sizes_are_float64_one_per_row", cheats.OneForAll, Norm.L2, "it returns torch.float64 (1,)"),
    ("sizes_are_float64_one_per_row", cheats.Signed, Norm.L1, "8 of 16 sizes are below 0"),
    ("equal_inputs_are_at_zero", cheats.NeverZero, Norm.L2, "16 of 16 unchanged inputs are at 1e-09"),
    ("different_inputs_are_apart", cheats.SeesTheFirstHalf, Norm.L2, "8 of 16 changed image inputs are at 0"),
    ("is_symmetric", cheats.Relative, Norm.L2, "of 16 rows differ by up to"),
    ("known_values", cheats.Squared, Norm.L2, "Pair 1 of image inputs is 0.5 apart in l2; it says 0.25"),
    ("known_values", cheats.WordsByLetters, Norm.WORDS, "Pair 1 of text inputs is 0.25 apart in words"),
    ("rows_are_independent", cheats.CentresTheBatch, Norm.L2, "12 of 16 rows differ alone, by up to 0.99"),
    ("extreme_inputs_have_finite_sizes", cheats.Overflows, Norm.L2, "1 of 4 extreme image pairs"),
    ("width_is_used_as_documented", cheats.InWidths, Norm.L2, "Other widths give other sizes"),
    ("width_is_used_as_documented", cheats.CountsAnyChange, Norm.L0, "count [64.0, 64.0], not [0.0, 64.0]"),
    ("inputs_are_not_modified", cheats.SubtractsInPlace, Norm.L2, "wrote into the inputs it was given"),
]


@pytest.mark.parametrize(
    ("check", "cheat", "norm", "told"), CAUGHT, ids=[f"{name}-{cls.__name__}" for name, cls, *_ in CAUGHT]
)
def test_a_cheat_is_caught_by_its_check(check, cheat, norm, told):
    found = finding(distance_of(cheat, norm), CHECKS[f"check_{check}"])
    assert found.outcome == "failed", found
    assert told in found.text
    assert not found.text.startswith("It raised")


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
@pytest.mark.parametrize("cls", cheats.HONEST, ids=lambda cls: cls.__name__)
def test_honest_distances_keep_every_rule(cls, check):
    found = finding(distance_of(cls, Norm(cls.__name__.lower())), check)
    void = cls.__name__ == "Words" and check.__name__ == "check_width_is_used_as_documented"
    assert found.outcome == ("not applicable" if void else "passed"), found


def test_every_check_has_its_cheat():
    assert {f"check_{name}" for name, *_ in CAUGHT} == set(CHECKS)
