"""Certified radii: found on a stated grid, stored, and refuted by any point that breaks within them."""

import pytest
import torch
from arena_case import play
from judge_case import NONE, Says, examples, verdicts

from advbench import ContestError, Norm
from advbench.testing import SilentAttack, ThresholdContender


class Certified(ThresholdContender):
    """Class 0 below 1 in the first number; what it proves is true, or larger by `boast`."""

    def __init__(self, boast=0.0):
        super().__init__()
        self.boast, self.asked = boast, []

    def certify(self, x, norm, eps):
        self.asked.append((norm, eps))
        return (x[:, 0] - 1).abs() + self.boast > eps


class Vague(Certified):
    def certify(self, x, norm, eps):
        return super().certify(x, norm, eps).float()


def radii(rows):
    return [row.get("certified") for row in rows]


def test_the_largest_radius_of_the_grid_is_stored():
    rows = play(Certified(), SilentAttack(value=0.0), examples(0.0, 0.5, 0.999, -1.0), needs=NONE, eps=1.0)
    assert radii(rows) == [0.95, 0.45, 0.0, 1.95]


def test_twice_eps_is_as_far_as_the_grid_goes():
    contender = Certified()
    rows = play(contender, SilentAttack(value=-0.9), examples(-0.9), needs=NONE, eps=0.5)
    assert radii(rows) == [1.0]
    assert len(contender.asked) <= 6
    assert all(norm is Norm.L2 for norm, _ in contender.asked)


def test_no_certificate_without_certify_without_eps_or_for_wrong_answers():
    assert radii(play(ThresholdContender(), SilentAttack(value=0.0), examples(0.0), needs=NONE, eps=1.0)) == [None]
    assert radii(play(Certified(), SilentAttack(value=0.0), examples(0.0), needs=NONE)) == [None]
    assert radii(play(Certified(), SilentAttack(value=2.0), examples(2.0), needs=NONE, eps=1.0)) == [None]


def test_certificates_do_not_depend_on_the_shard():
    sizes = (0.0, 0.3, 0.77, -0.4)
    together = play(Certified(), SilentAttack(value=0.0), examples(*sizes), needs=NONE, eps=1.0)
    alone = [play(Certified(), SilentAttack(value=0.0), examples(size), needs=NONE, eps=1.0)[0] for size in sizes]
    assert radii(together) == radii(alone)


def test_a_break_beyond_the_certified_radius_is_none_of_its_business():
    rows = play(Certified(), Says(1.25), examples(0.0), eps=2.0)
    assert (verdicts(rows), radii(rows)) == (["broken"], [0.9])


@pytest.mark.parametrize("eps", [2.0, 1.0])
def test_a_break_within_the_certified_radius_fails_the_cell(eps):
    wrong = "contender: no point within a certified radius must change the answer, got one of example 7 at 1.25,"
    with pytest.raises(ContestError, match=wrong):
        play(Certified(boast=1.0), Says(1.25), examples(0.0), eps=eps)


def test_a_certificate_must_be_a_truth_value_per_row():
    with pytest.raises(ContestError, match="contender: certify must answer torch.bool .1,., got torch.float32 .1,."):
        play(Vague(), SilentAttack(value=0.0), examples(0.0), needs=NONE, eps=1.0)


def test_asking_for_certificates_costs_no_queries():
    class Asking(Certified):
        def certify(self, x, norm, eps):
            self.labels(x)
            return super().certify(x, norm, eps)

    (row,) = play(Asking(), Says(0.5), examples(0.0), eps=0.2)
    assert row["queries"] == 1
    assert torch.tensor(row["certified"]).item() == pytest.approx(0.4)
