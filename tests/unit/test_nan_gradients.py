"""A gradient of NaN ends its own row, says so, and leaves the others alone."""

import torch
from arena_case import Counted, play
from judge_case import examples
from oracle_case import first

from advbench import Access, Perturbed, StopReason
from advbench.testing import ThresholdContender

GRADIENTS = Access.GRADIENTS


class SickAbove(ThresholdContender):
    """Its gradient is NaN where the second number exceeds a half."""

    def value_and_grad(self, x, loss, *, gradient, noise=None):
        value, grad = super().value_and_grad(x, loss, gradient=gradient, noise=noise)
        return value, torch.where(x[:, 1:2] > 0.5, torch.nan, grad)


class Climbs:
    """One step of half the range up the gradient of class 1."""

    def perturb(self, oracle, x, rng):
        _, grad = oracle.value_and_grad(x, first)
        assert bool(grad.isfinite().all())
        return Perturbed(oracle.bounds.clip(x + 0.5 * grad.sign()))


def test_only_the_sick_row_ends_and_it_is_answered_neutrally():
    x = torch.zeros(3, 4)
    x[1, 1] = 0.75
    case = Counted(SickAbove(), x, torch.zeros(3, dtype=torch.int64), access=GRADIENTS)
    value, grad = case.oracle.value_and_grad(x, first)
    assert case.oracle.live.tolist() == [True, False, True]
    assert case.ledger.stopped == {1: StopReason.ERROR}
    assert grad[1].tolist() == [0, 0, 0, 0]
    assert float(value[1]) == 0
    assert torch.equal(grad[0], grad[2])
    assert bool(grad[0].ne(0).any())
    assert case.counts == ((3, 3), (3, 3))
    _, again = case.oracle.value_and_grad(x, first)
    assert again[1].tolist() == [0, 0, 0, 0]
    assert case.ledger.gradients.tolist() == [2, 1, 2]


def test_the_row_is_recorded_as_an_error_with_its_reason_unless_it_was_broken_all_the_same():
    sound, sick = examples(0.75), examples(0.75, second=0.75)
    both = type(sound)(torch.tensor([1, 2]), torch.cat([sound.x, sick.x]), torch.zeros(2, dtype=torch.int64))
    rows = play(SickAbove(), Climbs(), both, needs=GRADIENTS)
    assert [row["verdict"] for row in rows] == ["broken", "held"]
    assert rows[1]["stop_reason"] == "error"
    assert rows[1]["reason"] == "gradient 'none' must be numbers, got NaN"
    assert rows[0]["reason"] is None
