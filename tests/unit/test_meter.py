"""The second counter sees what the ledger cannot."""

import sys
from pathlib import Path

import pytest
import torch

from advbench import Access
from advbench.contract.errors import JudgeMismatch
from advbench.testing import (
    DiggingAttack,
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


@pytest.mark.parametrize("batched", [True, False])
def test_an_attack_that_digs_the_contender_out_is_found(batched):
    with pytest.raises(JudgeMismatch, match="past the oracle"):
        play(ThresholdContender(), DiggingAttack(), batched=batched)


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
