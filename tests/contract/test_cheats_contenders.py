"""Each rule for models and defenses has a cheat that its check catches, by its own words and by no accident."""

import cheats_answers as answers
import cheats_manners as manners
import cheats_promises as promises
import cheats_state as state
import cheats_training as training
import honest_contenders as honest
import pytest
from cheating import COUNT, anew, subject_of

from advbench import DefenseSpec, Modality, ModelSpec
from advbench.testing.checks import (
    checks_in,
    contender_answers,
    contender_manners,
    contender_promises,
    contender_state,
    contender_training,
    defense,
    model,
)
from advbench.testing.examination import examine as finding

MODULES = (
    contender_promises, contender_answers, contender_training, contender_state, contender_manners, defense, model
)  # fmt: skip
CHECKS = {check.__name__: check for module in MODULES for check in checks_in(module)}
ONLY_DEFENSES = {check.__name__ for check in checks_in(defense)}
ONLY_MODELS = {check.__name__ for check in checks_in(model)}
NUMERIC = frozenset({Modality.TABULAR, Modality.SERIES, Modality.IMAGE})
SMALL = frozenset({Modality.TABULAR})


def model_of(cls, modalities=SMALL):
    spec = ModelSpec(name="cheat", summary="breaks one rule", modalities=modalities)
    return subject_of("model", anew(cls), spec)


def defense_of(cls, base, twin=None, modalities=SMALL):
    spec = DefenseSpec(name="cheat", summary="breaks one rule", modalities=modalities, base=base, twin=twin)
    return subject_of("defense", anew(cls), spec)


CAUGHT = [
    ("facts_are_known_before_training", promises.PromisesOtherwise, "classes is 7, not None"),
    ("offers_what_it_says", promises.HasScoresAllTheSame, "access is labels, but scores is there"),
    ("offers_what_it_says", promises.NamesNoGradient, "access is gradients, but its gradients are none"),
    ("offers_what_it_says", promises.MisnamesItsGradient, "calls a gradient 'true'"),
    ("gradients_belong_to_their_losses", promises.FlipsItsGradient, "In 32 of 32 directions"),
    ("gradients_belong_to_their_losses", promises.ReturnsHalfAGradient, "(32, 32) for torch.float64 (32, 64)"),
    ("gradient_kinds_are_true", promises.CallsItsSurrogateExact, "differ from those of its scores by up to"),
    ("gradient_kinds_are_true", promises.CallsItsGradientASurrogate, "all 32 directions surrogate is the gradient"),
    ("stochastic_is_true", promises.DrawsUncalled, "Asked twice it gives other scores (82 of 82 rows)"),
    ("stochastic_is_true", promises.OnlyClaimsNoise, "other noise changes nothing in 82 rows"),
    ("float64_is_true", promises.AnswersInFloat32, "Asked in float64 its scores are torch.float32"),
    ("float64_is_true", promises.RoundsOnTheWay, "hold no more than float32 can"),
    ("largest_margin_is_true", promises.ExceedsItsMargin, "its largest margin is 1"),
    ("certificates_hold", promises.CertifiesWhatItLikes, "change their label within it"),
    ("certificates_hold", promises.CertifiesLargeBallsOnly, "It proves 8 rows at 0.12 that it does not prove nearer"),
    ("certificates_hold", promises.CertifiesByHalves, "To 8 rows its certify answers torch.float32 (8,)"),
    ("answers_have_their_shape_and_dtype", answers.LabelsInAColumn, "Labels of 9 rows are torch.int64 (9, 1)"),
    ("answers_have_their_shape_and_dtype", answers.LabelsFromOne, "reach from 1 to 3; classes are 0 to 2"),
    ("answers_have_their_shape_and_dtype", answers.ScoresInFloat64, "torch.float64 (9, 3)"),
    ("answers_have_their_shape_and_dtype", answers.ScoresOfNaN, "Scores of 9 of 9 rows hold NaN"),
    ("a_batch_of_one_is_answered", answers.SqueezesOneRow, "Labels of 1 rows are torch.int64 ()"),
    ("points_at_the_bounds_are_answered", answers.LogarithmOfInk, "1 of 18 points at the bounds, -1 and 3"),
    ("labels_are_the_largest_scores", answers.AnswersTheSecondBest, "not the lowest class of the largest score (0 at"),
    ("labels_are_the_largest_scores", answers.TiesGoUp, "(59 at ties)"),
    ("scores_are_logarithms", answers.ShowsProbabilities, "all 107 rows lie in 0 to 1 and sum to 1"),
    ("rows_are_exact", answers.CentresTheBatch, "alone: 16 of 16 rows"),
    ("clean_accuracy_is_above_chance", answers.AlwaysTheSame, "2 classes of tabular inputs it is right in 36 of 72"),
    ("same_seed_same_contender", training.SeedsItself, "Trained twice with the same seed its states have the digests"),
    ("progress_is_honest", training.StopsBeforeTheEnd, "ended at 4 of 5"),
    ("progress_is_honest", training.CountsEachPhase, "went from 4 of 4 to 1 of 4"),
    ("progress_is_honest", training.Silent, "never called job.progress"),
    ("training_log_fits_its_table", training.LogsItsMood, "got 'mood'"),
    ("deadline_cuts_nothing", training.ReturnsEarly, "With a deadline that is over it returned another contender"),
    ("interrupted_training_goes_on", training.HearsNoInterruption, "went on after job.progress had raised at 3 of 4"),
    ("interrupted_training_goes_on", training.StoresHalf, "Stopped at 3 of 4, with 1 files stored"),
    ("state_is_storable", state.StateOfTuples, "meta['sizes'], got tuple"),
    ("restored_answers_equally", state.ForgetsItsShift, "Once restored, it must answer after restore() as it did"),
    ("state_restores_bit_for_bit", state.RoundsItsState, "restored and restored again its states have the digests"),
    ("state_restores_bit_for_bit", state.DrawsWhenRestored, "from equal states it gives other scores"),
    ("restore_reads_no_training_data", state.LooksAtItsTrainingAgain, "restore() reads job.train.x"),
    ("inputs_are_not_modified", manners.ClipsItsPoints, "wrote into the points asked"),
    ("answers_carry_no_graph", manners.KeepsItsGraph, "Its scores require gradients"),
    ("gradients_need_no_mode", manners.TrustsTheCallersMode, "Under torch.no_grad() it raises"),
    ("answering_teaches_nothing", manners.LearnsFromQuestions, "After having been asked, its state, "),
    ("training_data_is_not_modified", manners.ScalesItsData, "wrote into job.train.x"),
    ("no_global_state_is_moved", manners.SeedsTheProcess, "Training, it moved the global generator of torch"),
    ("no_global_state_is_moved", manners.SwitchesGradientsOff, "Answering, it moved torch's gradient mode"),
    ("no_output_is_printed", manners.PrintsItsLoss, "first 'loss 0.25"),
    ("no_output_is_printed", manners.PrintsAnswers, "Answering, it printed"),
    ("object_is_not_changed", manners.KeepsItsMeans, "It put means on itself"),
    ("build_gives_a_network", training.BuildsFrozen, "A loss reaches 0 of the network's 2"),
    ("build_gives_a_network", training.BuildsTooWide, "6 rows and 3 classes is (6, 4)"),
    ("build_is_drawn_from_the_job", training.BuildsFromTorchsSeed, "2 of its tensors differ"),
]


@pytest.fixture(autouse=True)
def _forget(monkeypatch):
    monkeypatch.setattr(contender_training, "SILENT", 0.05)  # seconds: the silent cheat need not train for long
    yield
    COUNT.clear()


def must_tell(found, told):
    assert found.outcome == "failed", found
    assert told in found.text
    assert not found.text.startswith("It raised")


@pytest.mark.parametrize(("check", "cheat", "told"), CAUGHT, ids=[f"{name}-{cls.__name__}" for name, cls, _ in CAUGHT])
def test_a_cheat_is_caught_by_its_check(check, cheat, told):
    must_tell(finding(model_of(cheat), CHECKS[f"check_{check}"]), told)


def test_a_defense_that_trains_its_base_on():
    found = finding(defense_of(manners.TrainsItsBaseOn, "trained"), defense.check_base_is_untouched)
    must_tell(found, "changed the base's state, from digest")


@pytest.mark.parametrize(
    ("twin", "told"),
    [("no-such-model", "no model is called 'no-such-model'"), ("mlp:hidden={depth}", "cannot be made: 'depth'")],
)
def test_a_defense_whose_twin_is_none(twin, told):
    found = finding(defense_of(honest.OwnNetwork, "none", twin), defense.check_twin_can_be_made)
    must_tell(found, told)


def test_a_defense_whose_twin_takes_less():
    subject = defense_of(honest.OwnNetwork, "none", "linear", NUMERIC | {Modality.TEXT})
    must_tell(finding(subject, defense.check_twin_can_be_made), "does not take text inputs")


FAIR = {
    "model": lambda: model_of(honest.Fair, NUMERIC),
    "stochastic model": lambda: model_of(honest.FairNoisy, NUMERIC),
    "model with a surrogate": lambda: model_of(honest.FairRounded, NUMERIC),
    "model that shows labels": lambda: model_of(honest.FairShy, NUMERIC),
    "defense with its own network": lambda: defense_of(honest.OwnNetwork, "none", "linear", NUMERIC),
    "defense of an architecture": lambda: defense_of(honest.Retrained, "architecture", None, NUMERIC),
    "defense of a trained model": lambda: defense_of(honest.Wrapped, "trained", None, NUMERIC),
}


@pytest.mark.parametrize("make", FAIR.values(), ids=FAIR)
def test_honest_contenders_keep_every_rule(make):
    subject = make()
    due = set(CHECKS) - (ONLY_DEFENSES if subject.kind == "model" else ONLY_MODELS)
    found = [finding(subject, CHECKS[name]) for name in sorted(due)]
    assert [one for one in found if one.outcome not in ("passed", "not applicable")] == []


def test_each_rule_is_kept_by_an_honest_contender_and_not_only_void():
    passed = set()
    for make in FAIR.values():
        subject = make()
        due = set(CHECKS) - passed - (ONLY_DEFENSES if subject.kind == "model" else ONLY_MODELS)
        passed |= {name for name in due if finding(subject, CHECKS[name]).outcome == "passed"}
    assert set(CHECKS) - passed == {"check_largest_margin_is_true"}  # kept by the votes of the bundled mlp


def test_every_check_has_its_cheat():
    told = {f"check_{name}" for name, *_ in CAUGHT}
    assert told | ONLY_DEFENSES == set(CHECKS)


def test_defenses_of_text_are_told_to_be_out_of_reach():
    subject = defense_of(honest.OwnNetwork, "none", modalities=frozenset({Modality.TEXT}))
    found = finding(subject, contender_training.check_clean_accuracy_is_above_chance)
    assert found.outcome == "not applicable"
    assert "text" in found.text
