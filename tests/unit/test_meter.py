"""The second counter sees what the ledger cannot."""

import gc
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from advbench import Access, Perturbed
from advbench.contract.errors import JudgeMismatch
from advbench.testing import (
    DiggingAttack,
    LabelsOnly,
    LinearContender,
    NoisyContender,
    PreparedAttack,
    SlopeAttack,
    StepAttack,
    ThresholdContender,
    grid_examples,
)

sys.path.insert(0, str(Path(__file__).resolve().parent))
from arena_case import Counted, contest_of, play

from advbench.arena.contest import prepare
from advbench.arena.meter import Metered


@pytest.mark.parametrize("batched", [True, False])
def test_an_attack_that_digs_the_contender_out_is_found(batched):
    with pytest.raises(JudgeMismatch, match="past the oracle"):
        play(ThresholdContender(), DiggingAttack(), batched=batched)


class Digs:
    """Asks honestly, then once more by some other way."""

    def __init__(self, way):
        self.way = way

    def perturb(self, oracle, x, rng):
        rows = torch.arange(len(x))
        oracle.labels(x)
        self.way(oracle, x, rows)
        return Perturbed(x)


def kept_in(function):
    """What a function keeps from the place where it was made."""
    return {
        name: cell.cell_contents for name, cell in zip(function.__code__.co_freevars, function.__closure__, strict=True)
    }


WAYS = {
    "the contender behind the meter": lambda oracle, x, rows: oracle._asker.contender._contender.labels(x),
    "its scores": lambda oracle, x, rows: oracle._asker.contender._contender.scores(x),
    "its gradient": lambda oracle, x, rows: oracle._asker.contender._contender.value_and_grad(
        x, lambda scores: scores[:, 0], gradient="exact"
    ),
    "by name": lambda oracle, x, rows: oracle._asker.contender._contender.labels(x=x),
    "the judge's word": lambda oracle, x, rows: oracle._ledger._confirm(x, rows),
    "the judge's contender": lambda oracle, x, rows: kept_in(oracle._ledger._confirm)["judge"]._asker.labels(x),
    "everything alive": lambda oracle, x, rows: [
        one.labels(x) for one in gc.get_objects() if type(one) is ThresholdContender
    ],
}


@pytest.mark.parametrize("way", WAYS)
def test_digging_deeper_is_found(way):
    contender = ThresholdContender()
    with pytest.raises(JudgeMismatch, match="past the oracle"):
        play(contender, Digs(WAYS[way]))
    assert not {"labels", "scores", "value_and_grad"} & set(vars(contender))
    play(contender, Digs(lambda oracle, x, rows: None))


def test_a_method_that_an_attack_puts_into_the_contender_does_not_stay():
    """Else the judge would hear what the attack wants it to hear."""

    def sabotage(oracle, x, rows):
        oracle._asker.contender._contender.labels = lambda x, noise=None: torch.full((len(x),), 7)

    assert play(ThresholdContender(), Digs(sabotage)) == play(ThresholdContender(), Digs(lambda *ways: None))


def test_a_method_kept_on_the_instance_is_watched_and_put_back():
    contender = LinearContender()
    contender.labels = own = lambda x, *, noise=None: torch.zeros(len(x), dtype=torch.int64)
    meter = Metered(contender)
    with meter.watching():
        contender.labels(torch.zeros(3, 4))
        meter.labels(torch.zeros(2, 4))
        with meter.judging(9):
            contender.labels(torch.zeros(9, 4))
    contender.labels(torch.zeros(5, 4))
    assert (meter.rows, meter.confirmations) == (5, 9)
    assert contender.labels is own


def test_what_a_contender_asks_of_itself_is_one_answer():
    """Its labels come from its scores."""
    contender = LinearContender()
    meter = Metered(contender)
    with meter.watching():
        contender.labels(torch.zeros(3, 4))
        contender.value_and_grad(torch.zeros(2, 4), lambda scores: scores[:, 0], gradient="exact")
    assert (meter.rows, meter.gradients) == (5, 2)


def test_a_contender_that_cannot_be_watched_still_plays():
    class Slotted:
        __slots__ = ("facts",)

        def __init__(self):
            self.facts = replace(ThresholdContender.facts, access=Access.LABELS, gradients=())

        def labels(self, x, *, noise=None):
            return ThresholdContender().labels(x)

    assert play(Slotted(), StepAttack(steps=2)) == play(LabelsOnly(ThresholdContender()), StepAttack(steps=2))


def test_honest_attacks_are_not():
    for contender in (LinearContender(), NoisyContender()):
        play(contender, StepAttack(steps=3), needs=Access.LABELS, eps=0.5, max_queries=5)
        play(contender, SlopeAttack(steps=3), needs=Access.GRADIENTS, gradient="exact", eot=3, max_queries=30)


def test_digging_while_preparing_is_found():
    class Digs(PreparedAttack):
        def prepare(self, oracle, seeds, rng):
            oracle._asker.contender.labels(seeds.x)
            return super().prepare(oracle, seeds, rng)

    with pytest.raises(JudgeMismatch):
        prepare(contest_of(ThresholdContender(), Digs()), grid_examples(8))


def test_a_call_that_fails_counts_nothing():
    class Failing(ThresholdContender):
        def scores(self, x, *, noise=None):
            raise RuntimeError("no memory")

    case = Counted(Failing(), grid_examples(3).x, torch.zeros(3, dtype=torch.int64))
    with pytest.raises(RuntimeError):
        case.oracle.labels(grid_examples(3).x)
    assert case.counts == ((3, 0), (0, 0))
