"""Each rule for data sets has a cheat that its check catches, by its own words and by no accident."""

import cheats_datasets as cheats
import pytest
from cheating import anew, finding, subject_of

from advbench import DatasetSpec, Modality
from advbench.testing.checks import checks_in, dataset_examples, dataset_splits

CHECKS = {check.__name__: check for module in (dataset_splits, dataset_examples) for check in checks_in(module)}


def dataset_of(cls, modality=Modality.TABULAR, license="none needed", trial=""):
    spec = DatasetSpec(name="cheat", summary="breaks one rule", modality=modality, license=license)
    return subject_of("dataset", anew(cls), spec, trial)


CAUGHT = [
    ("ids_are_unique", cheats.RepeatsIds, "20 of 40 ids of train are there twice"),
    ("splits_are_disjoint", cheats.SharesIds, "12 ids are in train and in tune"),
    ("no_input_is_in_train_and_eval", cheats.SharesInputs, "20 inputs of eval are in train too"),
    ("loading_again_gives_the_same", cheats.DrawsAnew, "Loaded again, train differs in "),
    ("positions_give_those_rows", cheats.CountsFromTheStartOfTheFile, "Of 4 positions of tune, from [0, 3] on"),
    ("order_of_positions_is_kept", cheats.SortsPositions, "from [19, 17] on, load() gives other rows: 10 of 10 ids"),
    ("labels_are_those_of_the_examples", cheats.ForgetsToRelabel, "40 of 40 labels of train are not those"),
    ("labels_are_those_of_the_examples", cheats.LabelsFewer, "labels('train') has 39 of 40"),
    ("returned_tensors_are_the_callers", cheats.HandsOutItsMemory, "the next finds 20 of 20 inputs changed"),
    ("sizes_are_true", cheats.MiscountsItself, "'eval': 21}; there are {'train': 40, 'tune': 12, 'eval': 20}"),
    ("every_class_is_in_every_split", cheats.LacksAClass, "eval has no example of 1 of 3 classes, first [2]"),
    ("every_class_is_in_every_split", cheats.LabelsFromOne, "has the labels [3]; classes are 0 to 2"),
    ("digest_is_stable", cheats.HashesTheMoment, "Its digest is 'read-"),
    ("digest_follows_the_examples", cheats.HashesNoParameter, "With draw=2 20 of 20 inputs differ, and the digest is"),
    ("examples_are_as_the_facts_say", cheats.InFloat64, "Inputs of train are torch.float64 (40, 3)"),
    ("examples_are_as_the_facts_say", cheats.LabelsInInt32, "y of train is torch.int32 (40,)"),
    ("examples_are_as_the_facts_say", cheats.OfAnotherShape, "its facts say torch.float32 (40, 1, 3)"),
    ("examples_are_as_the_facts_say", cheats.SaysImages, "Its facts say image, its spec tabular"),
    ("inputs_are_finite_and_inside_their_bounds", cheats.HasHoles, "4 of 40 inputs of train hold NaN"),
    ("inputs_are_finite_and_inside_their_bounds", cheats.LeavesItsBounds, "to 3; the bounds are 0 to 1"),
    ("reference_eps_are_usable", cheats.EpsOfNothing, "Its eps in linf is 0;"),
    ("reference_eps_are_usable", cheats.EpsOfEverything, "Its eps in l2 is 255; it must be above 0 and below 6.9"),
    ("reference_eps_are_usable", cheats.EpsInWords, "declares an eps in words for tabular inputs"),
    ("no_global_state_is_moved", cheats.DrawsFromTorch, "Reading it moved the global generator of torch"),
    ("no_output_is_printed", cheats.Prints, "first 'reading train"),
]


@pytest.fixture(autouse=True)
def _forget():
    yield
    cheats.COUNT.clear()
    cheats._KEPT.clear()


@pytest.mark.parametrize(("check", "cheat", "told"), CAUGHT, ids=[f"{name}-{cls.__name__}" for name, cls, _ in CAUGHT])
def test_a_cheat_is_caught_by_its_check(check, cheat, told):
    found = finding(dataset_of(cheat), CHECKS[f"check_{check}"])
    assert found.outcome == "failed", found
    assert told in found.text
    assert not found.text.startswith("It raised")


def test_texts_that_are_empty():
    found = finding(dataset_of(cheats.EmptyTexts, Modality.TEXT), dataset_examples.check_examples_are_as_the_facts_say)
    assert "Inputs of train are tuple, for 40 examples" in found.text


@pytest.mark.parametrize("license", ["", "unknown", "TODO"])
def test_a_license_that_says_nothing(license):
    found = finding(dataset_of(cheats.Fair, license=license), dataset_examples.check_license_is_named)
    assert found.outcome == "failed"
    assert f"Its license is {license!r}" in found.text


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
@pytest.mark.parametrize("trial", ["", "draw=1", "classes=2/0"])
def test_an_honest_data_set_keeps_every_rule(check, trial):
    assert finding(dataset_of(cheats.Fair, trial=trial), check).outcome == "passed"


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_honest_texts_keep_every_rule(check):
    assert finding(dataset_of(cheats.FairTexts, Modality.TEXT), check).outcome == "passed"


def test_the_memory_of_a_broken_data_set_is_put_back():
    subject = dataset_of(cheats.HandsOutItsMemory)
    assert finding(subject, dataset_splits.check_returned_tensors_are_the_callers).outcome == "failed"
    assert finding(subject, dataset_splits.check_loading_again_gives_the_same).outcome == "passed"


def test_every_check_has_its_cheat():
    assert {f"check_{name}" for name, *_ in CAUGHT} | {"check_license_is_named"} == set(CHECKS)
