"""What the judge notes beside the verdict: margins, words, what eight bits leave, and where no signal came."""

import sys
from pathlib import Path

import pytest
import torch

from advbench import Access, Bounds, ContestError, DatasetFacts, Examples, Modality, Perturbed
from advbench.testing import (
    AbstainingContender,
    BoastfulAttack,
    ConstantContender,
    LabelsOnly,
    NoisyContender,
    SilentAttack,
    SlopeAttack,
    StepAttack,
    SurrogateContender,
    TextContender,
    ThresholdContender,
    grid_examples,
    grid_facts,
)

sys.path.insert(0, str(Path(__file__).resolve().parent))
from arena_case import play, same
from judge_case import NONE, Says, examples, verdicts


def test_scores_that_hide_an_abstention_show_no_success():
    contender = AbstainingContender(limit=0.5)
    asides = torch.tensor([[2.0, 1.0, 0, 0], [2.5, 0.0, 0, 0]])

    class Looks:
        def perturb(self, oracle, x, rng):
            for aside in asides:
                oracle.scores(aside.unsqueeze(0))
            return Perturbed(x)

    (row,) = play(contender, Looks(), examples(0.0), needs=Access.SCORES, eps=9.0)
    assert (row["verdict"], row["first_query"], row["best_query"], row["l2"]) == ("broken", 2, 2, 2.5)


class TestEightBits:
    FACTS = DatasetFacts(modality=Modality.IMAGE, shape=(1, 1, 4), classes=2, bounds=Bounds(-1.0, 3.0), digest="images")

    def play(self, contender, **returned):
        given = examples(0.0)
        given = Examples(given.ids, given.x.reshape(1, 1, 1, 4), given.y)
        (row,) = play(contender, SilentAttack(**returned), given, facts=self.FACTS, needs=NONE, eps=9.0)
        return row

    def test_a_success_that_rounding_undoes_does_not_survive(self):
        level = 4 / 255
        edge = -1 + 127 * level  # of a level: points above are broken
        contender = ThresholdContender(threshold=edge)
        for value, survives in ((edge + 0.4 * level, False), (edge + 0.6 * level, True), (3.0, True)):
            row = self.play(contender, value=value)
            assert (row["verdict"], row["survives_8bit"]) == ("broken", survives)

    def test_it_is_asked_only_of_broken_images(self):
        assert self.play(ThresholdContender(), value=0.5)["survives_8bit"] is None
        (row,) = play(ThresholdContender(), SilentAttack(), examples(0.0), needs=NONE)
        assert (row["verdict"], row["survives_8bit"]) == ("broken", None)


class TestBlind:
    def test_zero_gradients(self):
        rows = play(
            ConstantContender(), SlopeAttack(steps=3), examples(0.0, 1.0), needs=Access.GRADIENTS, gradient="exact"
        )
        assert [(row["verdict"], row["stop_reason"], row["gradients"]) for row in rows] == [("held", "blind", 3)] * 2

    def test_gradients_that_tell_something(self):
        (row,) = play(
            SurrogateContender(), SlopeAttack(steps=1), examples(-1.0), needs=Access.GRADIENTS,
            gradient="surrogate/tau=2",
        )  # fmt: skip
        assert (row["verdict"], row["stop_reason"]) == ("held", "done")

    def test_as_the_attack_reports_it(self):
        class Reports(Says):
            def perturb(self, oracle, x, rng):
                return Perturbed(super().perturb(oracle, x, rng).x, blind=torch.tensor([True, False, True]))

        rows = play(ThresholdContender(), Reports(0.1, returned=1.25), examples(0.0, 0.0, 0.5), eps=1.0)
        assert [(row["verdict"], row["stop_reason"]) for row in rows] == [
            ("held", "blind"), ("held", "done"), ("held", "blind")
        ]  # fmt: skip
        rows = play(ThresholdContender(), Reports(0.1, returned=1.25), examples(0.0, 0.0, 0.5), eps=2.0)
        assert [row["stop_reason"] for row in rows] == ["done"] * 3  # a broken row was not blind


def test_a_contender_that_shows_labels_alone_has_no_margins():
    (row,) = play(LabelsOnly(ThresholdContender()), Says(1.5), examples(0.0), eps=2.0)
    assert (row["verdict"], row["clean_margin"], row["adv_margin"]) == ("broken", None, None)


def test_margins_are_of_the_true_class_against_its_nearest_rival():
    class Three(ThresholdContender):
        def scores(self, x, *, noise=None):
            return torch.tensor([[1.0, -2.0, 0.25]]).repeat(len(x), 1)

    (row,) = play(Three(), BoastfulAttack(), examples(0.0), needs=NONE, facts=grid_facts(classes=3))
    assert row["clean_margin"] == 0.75


def test_text_is_judged_by_words():
    facts = DatasetFacts(modality=Modality.TEXT, shape=None, classes=2, bounds=None, digest="text")
    given = Examples(torch.arange(3), ("a bad film indeed", "good", "so bad"), torch.tensor([0, 1, 1]))

    class Praises:
        def perturb(self, oracle, x, rng):
            return Perturbed(tuple("good " * 5 + text for text in x))

    rows = play(TextContender(), Praises(), given, facts=facts, needs=NONE, eps=3.0)
    assert [(row["verdict"], row.get("words")) for row in rows] == [("broken", 1.25), ("held", 5.0), ("skipped", None)]

    class Lists:
        def perturb(self, oracle, x, rng):
            return Perturbed(list(x))

    rows = play(TextContender(), Lists(), given, facts=facts, needs=NONE)
    assert verdicts(rows) == ["invalid", "invalid", "skipped"]


def test_labels_that_are_no_classes_fail_the_cell():
    class Five(ThresholdContender):
        def labels(self, x, *, noise=None):
            return torch.full((len(x),), 5)

    with pytest.raises(ContestError, match=r"labels must lie in -1\.\.1, got 5"):
        play(Five(), BoastfulAttack(), examples(0.0), needs=NONE)


def test_records_of_equal_contests_are_equal():
    runs = [play(NoisyContender(), StepAttack(steps=4), grid_examples(6), max_queries=5) for _ in range(2)]
    assert all(same(a, b) for a, b in zip(*runs, strict=True))
    other = play(NoisyContender(), StepAttack(steps=4), grid_examples(6), max_queries=5, seed=1)
    assert not all(same(a, b) for a, b in zip(runs[0], other, strict=True))
