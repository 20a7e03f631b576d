"""One example's attack in words: the log of its queries, or what the attack itself says; the result is the same."""

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from advbench import Access, Examples, Modality, Perturbed
from advbench.arena.contest import run_shard
from advbench.arena.telling import run_told
from advbench.testing import SlopeAttack, StepAttack, TextContender, ThresholdContender
from advbench.testing.field import Field
from advbench.testing.toys import LinearContender, NoisyContender

sys.path.insert(0, str(Path(__file__).resolve().parent))
from arena_case import contest_of


def told(contest, examples):
    lines = []
    return run_told(contest, examples, None, None, lines.append), lines


@pytest.fixture
def image():
    return Examples(torch.tensor([7]), torch.full((1, 4), 0.25), torch.tensor([0]))


def test_every_query_is_told_and_every_success_that_is_closer(image):
    contest = contest_of(ThresholdContender(threshold=0.4), StepAttack(step=0.125, steps=3), eps=None)
    outcome, lines = told(contest, image)
    assert lines == [
        "query 1: label 0, goal not met, l2 0.125",
        "query 2: label 0, goal not met, l2 0.125",
        "query 3: label 0, goal not met, l2 0.25",
        "query 4: label 1, goal met, l2 0.25",
        "  closest success so far: l2 0.25, of query 4",
        "query 5: label 0, goal not met, l2 0.375",
        "query 6: label 1, goal met, l2 0.375",
    ]
    assert outcome.examples == run_shard(contest, image).examples


def test_a_success_that_did_not_last_is_no_closest_one(image):
    """Of a noisy contender the judge asks again before it believes: the log shows both."""
    contest = contest_of(NoisyContender(scale=0.5, threshold=0.5), StepAttack(step=0.02, steps=12), eps=None)
    outcome, lines = told(contest, image)
    (row,) = outcome.examples
    assert row == run_shard(contest, image).examples[0]
    met = [line for line in lines if "goal met" in line]
    best = [line for line in lines if "closest" in line]
    assert len(best) < len(met)
    assert sum(line.startswith("query") for line in lines) == row["queries"]


def test_gradients_are_told(image):
    contest = contest_of(LinearContender(), SlopeAttack(steps=2), needs=Access.GRADIENTS, eps=None, gradient="exact")
    outcome, lines = told(contest, image)
    (row,) = outcome.examples
    assert sum(line.endswith(": gradient") for line in lines) == row["gradients"] > 0
    assert outcome.examples == run_shard(contest, image).examples


@dataclass(frozen=True)
class Swapping:
    """Asks about two texts, offers the second; may tell of it itself."""

    asked = ("bad good good good", "bad bad bad good")

    def perturb(self, oracle, x, rng):
        oracle.scores(self.asked, torch.zeros(2, dtype=torch.int64), withhold=True)
        oracle.offer(self.asked[1:], torch.zeros(1, dtype=torch.int64))
        return Perturbed(x)


class Talkative(Swapping):
    def explain(self, oracle, x, rng, say):
        say(f"of {x[0]}")
        return self.perturb(oracle, x, rng)


TEXT = Examples(torch.tensor([7]), ("good good good good",), torch.tensor([1]))


def duel(attack):
    return contest_of(TextContender(), attack, needs=Access.SCORES, facts=Field(Modality.TEXT).facts(), eps=None)


def test_of_texts_it_is_told_what_counts_only_once_it_is_offered():
    outcome, lines = told(duel(Swapping()), TEXT)
    assert lines == [
        "query 1: label 1, goal not met, words 0.25",
        "query 2: label 0, goal met, if the attack offers it, words 0.75",
        "  closest success so far: words 0.75, of query 2",
    ]
    assert outcome.examples[0]["verdict"] == "broken"


def test_an_attack_that_explains_itself_is_left_to_it():
    outcome, lines = told(duel(Talkative()), TEXT)
    assert lines == ["of good good good good"]
    assert outcome.examples == run_shard(duel(Swapping()), TEXT).examples
