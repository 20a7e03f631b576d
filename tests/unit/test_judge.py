"""The judge measures and asks for itself. One test for each thing that can happen to an example."""

import sys
from pathlib import Path

import pytest
import torch

from advbench import ContestError, Examples, Norm, Perturbed
from advbench.testing import (
    AbstainingContender,
    BoastfulAttack,
    ConstantContender,
    FlawedAttack,
    LinearContender,
    ScribblingAttack,
    SilentAttack,
    SpendthriftAttack,
    StepAttack,
    ThresholdContender,
    grid_examples,
    grid_facts,
)

sys.path.insert(0, str(Path(__file__).resolve().parent))
from arena_case import play
from judge_case import NONE, Says, examples, verdicts


class TestBroken:
    def test_by_the_returned_point(self):
        (row,) = play(ThresholdContender(), SilentAttack(value=2.0), examples(0.5), needs=NONE, eps=2.0)
        assert (row["verdict"], row["adv_label"], row["clean_label"]) == ("broken", 1, 0)
        assert (row["l0"], row["l1"], row["l2"], row["linf"]) == (1, 1.5, 1.5, 1.5)
        assert (row["queries"], row["first_query"], row["best_query"]) == (0, None, None)
        assert (row["clean_margin"], row["adv_margin"]) == (0.5, -1.0)
        assert (row["stop_reason"], row["reason"], row["votes"]) == ("done", None, None)
        assert (row["example_id"], row["label"], row["target"]) == (7, 0, None)

    def test_by_the_ledgers_best(self):
        (row,) = play(ThresholdContender(), Says(1.5, returned=0.0), examples(0.0), eps=2.0)
        assert (row["verdict"], row["l2"], row["best_query"], row["stop_reason"]) == ("broken", 1.5, 1, "found")

    @pytest.mark.parametrize(("asked", "returned"), [(1.5, 1.25), (1.25, 1.5)])
    def test_by_whichever_is_closer(self, asked, returned):
        (row,) = play(ThresholdContender(), Says(asked, returned=returned), examples(0.0))
        assert (row["verdict"], row["l2"]) == ("broken", 1.25)
        assert row["adv_margin"] == -0.25

    def test_by_the_ledgers_best_although_the_returned_point_breaks_a_rule(self):
        class Flawed(Says):
            def perturb(self, oracle, x, rng):
                super().perturb(oracle, x, rng)
                return FlawedAttack(flaw="nan").perturb(oracle, x, rng)

        rows = play(ThresholdContender(), Flawed(1.5), examples(0.0, 0.0), eps=2.0)
        assert verdicts(rows) == ["broken", "broken"]
        assert "NaN" in rows[0]["reason"]
        assert rows[1]["reason"] is None

    def test_when_the_budget_ends_the_attack(self):
        (row,) = play(ThresholdContender(), StepAttack(step=0.5), examples(0.0), max_queries=7)
        assert (row["verdict"], row["l2"], row["queries"], row["stop_reason"]) == ("broken", 1.5, 7, "budget")

    def test_by_the_ledgers_best_of_two_at_one_distance(self):
        class Wider(Says):
            def perturb(self, oracle, x, rng):
                return Perturbed(super().perturb(oracle, x, rng).x + torch.tensor([0, 1.5, 0, 0]))

        (row,) = play(ThresholdContender(), Wider(1.5, returned=1.5), examples(0.0), norm=Norm.LINF)
        assert (row["verdict"], row["linf"], row["l1"]) == ("broken", 1.5, 1.5)

    def test_a_success_inside_beats_a_returned_one_beyond_eps(self):
        (row,) = play(ThresholdContender(), Says(1.25, returned=2.0), examples(0.0), eps=1.5, refine=True)
        assert (row["verdict"], row["l2"]) == ("broken", 1.25)


class TestHeld:
    def test_where_nothing_helps(self):
        rows = play(ConstantContender(), StepAttack(steps=4), examples(0.0, 1.0), eps=9.0)
        assert verdicts(rows) == ["held", "held"]
        assert [(row["stop_reason"], row["queries"], row["l2"]) for row in rows] == [
            ("done", 8, rows[0]["l2"]), ("done", 8, rows[1]["l2"])
        ]  # fmt: skip

    def test_beyond_eps_with_the_distance_as_reason(self):
        (row,) = play(ThresholdContender(), Says(1.75, returned=1.5), examples(0.0), eps=1.25)
        assert (row["verdict"], row["l2"], row["adv_label"]) == ("held", 1.5, 1)
        assert row["reason"] == "the closest success has l2 1.5, beyond eps"

    def test_eps_has_an_absolute_slack(self):
        width = grid_facts().bounds.width
        for extra, verdict in ((0.9e-6, "broken"), (1e-5, "held")):
            (row,) = play(ThresholdContender(), Says(returned=1.5), examples(0.0), eps=1.5 - extra * width)
            assert row["verdict"] == verdict

    def test_the_attacks_word_is_not_taken(self):
        rows = play(ThresholdContender(), BoastfulAttack(), examples(0.0, 0.5), needs=NONE)
        assert verdicts(rows) == ["held", "held"]
        assert [row["note_success"] for row in rows] == [1.0, 1.0]
        assert [row["l2"] for row in rows] == [0.0, 0.0]

    def test_by_abstaining(self):
        class Aside(Says):
            def _moved(self, x, change):
                out = super()._moved(x, change)
                out[:, 1] += change
                return out

        (row,) = play(AbstainingContender(limit=1.0), Aside(1.5, returned=1.5), examples(0.0), eps=9.0)
        assert (row["verdict"], row["adv_label"], row["first_query"]) == ("held", -1, None)


class TestInvalid:
    @pytest.mark.parametrize(
        ("flaw", "word"),
        [("bounds", "leaves the bounds"), ("nan", "NaN or infinity"), ("infinity", "NaN or infinity")],
    )
    @pytest.mark.parametrize("batched", [True, False])
    def test_one_bad_row_leaves_the_others_alone(self, flaw, word, batched):
        rows = play(ThresholdContender(), FlawedAttack(flaw=flaw), examples(0.0, 0.5), needs=NONE, batched=batched)
        expected = ["invalid", "held"] if batched else ["invalid", "invalid"]
        assert verdicts(rows) == expected
        assert word in rows[0]["reason"]
        assert (rows[0]["l2"], rows[0]["adv_label"]) == (0.0, 0)  # what is judged is the example itself

    @pytest.mark.parametrize(
        ("flaw", "got"),
        [
            ("shape", "torch.float32 (2, 1, 4)"),
            ("dtype", "torch.float64 (2, 4)"),
            ("type", "list"),
            ("fewer", "torch.float32 (1, 4)"),
        ],
    )
    def test_an_answer_of_another_kind_spoils_every_row(self, flaw, got):
        rows = play(ThresholdContender(), FlawedAttack(flaw=flaw), examples(0.0, 0.5), needs=NONE)
        assert verdicts(rows) == ["invalid", "invalid"]
        assert rows[0]["reason"] == f"the attack must return torch.float32 (2, 4), got {got}"

    def test_bounds_are_checked_on_the_side_below_too(self):
        (row,) = play(ThresholdContender(), SilentAttack(value=-1.125), examples(0.0), needs=NONE)
        assert (row["verdict"], row["reason"]) == ("invalid", "the returned point leaves the bounds")
        (row,) = play(ThresholdContender(), SilentAttack(value=-1.0), examples(0.0), needs=NONE)
        assert row["verdict"] == "held"


def test_what_is_no_answer_at_all_fails_the_cell():
    class Nothing:
        def perturb(self, oracle, x, rng):
            return x

    class Miscounted:
        def perturb(self, oracle, x, rng):
            return Perturbed(x, notes={"h": torch.zeros(1)})

    class Blinded:
        def perturb(self, oracle, x, rng):
            return Perturbed(x, blind=torch.zeros(len(x) + 1, dtype=torch.bool))

    for attack, word in (
        (Nothing(), "Perturbed"),
        (Miscounted(), "note 'h'"),
        (Blinded(), r"blind must be None or torch.bool \(2,\)"),
    ):
        with pytest.raises(ContestError, match=word):
            play(ThresholdContender(), attack, examples(0.0, 0.5), needs=NONE)


class TestSkipped:
    def test_what_was_wrong_from_the_start_is_not_attacked(self):
        given = Examples(torch.arange(3), torch.tensor([[0.0] * 4, [2.0] * 4, [0.5] * 4]), torch.tensor([0, 0, 1]))
        rows = play(ThresholdContender(), StepAttack(steps=8, step=0.25), given, eps=2.0)
        assert verdicts(rows) == ["broken", "skipped", "skipped"]
        assert [(row["clean_label"], row["adv_label"], row["queries"]) for row in rows[1:]] == [(1, 1, 0), (0, 0, 0)]
        assert [row["clean_margin"] for row in rows] == [1.0, -1.0, -0.5]

    def test_a_shard_without_anything_to_attack(self):
        rows = play(ThresholdContender(), StepAttack(), examples(2.0, 2.0), eps=2.0)
        assert verdicts(rows) == ["skipped", "skipped"]

    def test_an_abstention(self):
        rows = play(AbstainingContender(limit=1.0), SilentAttack(), examples(0.0, second=2.0), needs=NONE)
        assert [(row["verdict"], row["clean_label"]) for row in rows] == [("skipped", -1)]


def test_an_input_written_over_is_measured_against_the_original():
    (row,) = play(ThresholdContender(), ScribblingAttack(value=2.0), examples(0.5), needs=NONE, eps=1.0)
    assert (row["verdict"], row["l2"], row["label"]) == ("held", 1.5, 0)
    (row,) = play(ThresholdContender(), ScribblingAttack(value=2.0), examples(0.5), needs=NONE, eps=2.0)
    assert (row["verdict"], row["l2"], row["label"]) == ("broken", 1.5, 0)


def test_what_a_stopped_attack_wrote_into_its_input_is_no_answer():
    class Writes(ScribblingAttack):
        def perturb(self, oracle, x, rng):
            super().perturb(oracle, x, rng)
            return SpendthriftAttack().perturb(oracle, x * 0, rng)

    (row,) = play(ThresholdContender(), Writes(value=2.0), examples(0.5), max_queries=3)
    assert (row["verdict"], row["l2"], row["queries"]) == ("held", 0.0, 3)


def test_a_returned_point_with_a_graph_is_judged_like_any_other():
    class Graph:
        def perturb(self, oracle, x, rng):
            return Perturbed((x + 1.5).requires_grad_(True))

    (row,) = play(ThresholdContender(), Graph(), examples(0.0), needs=NONE, norm=Norm.LINF, eps=2.0)
    assert (row["verdict"], row["linf"]) == ("broken", 1.5)


class TestTargeted:
    CLASSES = grid_facts(classes=4)

    class Steps(ThresholdContender):
        """Class 0, 1, 2, 3 as the first number passes 0, 1, 2."""

        def scores(self, x, *, noise=None):
            own = (x[:, 0] > torch.tensor([[0.0], [1.0], [2.0]])).sum(dim=0)
            return torch.eye(4)[own]

    def test_only_the_class_aimed_at_counts(self):
        given = examples(-0.5, -0.5, -0.5)
        target = torch.tensor([1, 2, 3])
        rows = play(self.Steps(), Says(3.0, 2.0, 1.0, returned=0.0), given, target=target, facts=self.CLASSES)
        assert [(row["target"], row["verdict"], row["adv_label"]) for row in rows] == [
            (1, "broken", 1), (2, "broken", 2), (3, "broken", 3)
        ]  # fmt: skip
        assert [row["l2"] for row in rows] == [1.0, 2.0, 3.0]
        assert [row["best_query"] for row in rows] == [3, 2, 1]

    def test_another_wrong_class_is_held(self):
        (row,) = play(self.Steps(), Says(returned=3.0), examples(-0.5), target=torch.tensor([1]), facts=self.CLASSES)
        assert (row["verdict"], row["adv_label"]) == ("held", 3)

    def test_one_example_may_stand_for_several_targets(self):
        given = examples(-0.5, -0.5)
        given = Examples(torch.tensor([5, 5]), given.x, given.y)
        rows = play(self.Steps(), Says(1.0, 2.0), given, target=torch.tensor([1, 2]), facts=self.CLASSES)
        assert [(row["example_id"], row["target"], row["l2"]) for row in rows] == [(5, 1, 1.0), (5, 2, 2.0)]


def test_an_attack_that_ignores_its_budget_is_stopped_at_it():
    for batched in (True, False):
        rows = play(ThresholdContender(), SpendthriftAttack(), examples(0.0, 0.5), max_queries=9, batched=batched)
        assert [(row["verdict"], row["queries"], row["stop_reason"]) for row in rows] == [("held", 9, "budget")] * 2


@pytest.mark.parametrize("norm", [Norm.L1, Norm.L2, Norm.LINF])
def test_on_a_linear_contender_the_verdict_follows_the_closed_form(norm):
    contender = LinearContender()
    given = grid_examples(32)
    given = Examples(given.ids, given.x * 0.25, contender.labels(given.x * 0.25))
    gap = contender.smallest_change(given.x, norm)
    weights = contender.weights
    shape = {
        Norm.L1: torch.eye(4)[weights.abs().argmax()] / weights.abs().max(),
        Norm.L2: weights / weights.norm() ** 2,
        Norm.LINF: weights.sign() / weights.abs().sum(),
    }[norm]
    sign = torch.where(given.y == 1, -1.0, 1.0)

    class Straight:
        def __init__(self, factor):
            self.factor = factor

        def perturb(self, oracle, x, rng):
            value = (x @ weights + contender.bias).abs()
            return Perturbed(x + self.factor * (value * sign).unsqueeze(1) * shape.abs() * weights.sign())

    for factor, verdict in ((1.001, "broken"), (0.999, "held")):
        rows = play(contender, Straight(factor), given, needs=NONE, norm=norm)
        assert set(verdicts(rows)) == {verdict}
        measured = torch.tensor([row[norm.value] for row in rows])
        assert torch.allclose(measured, (factor * gap).float(), rtol=1e-4, atol=1e-5)
