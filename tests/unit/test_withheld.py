"""Texts that an attack asks about but would not offer: they cost queries, and break nothing until they are offered."""

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from advbench import Access, Examples, Modality, Perturbed
from advbench.testing.field import Field
from advbench.testing.toys import TextContender

sys.path.insert(0, str(Path(__file__).resolve().parent))
from arena_case import play

CLEAN, CLOSE, FAR = "good good bad good", "good good bad bad", "good bad bad bad"


@dataclass(frozen=True)
class Asking:
    """Asks about two texts that succeed and one that does not; offers some; returns nothing."""

    offered: tuple[str, ...]

    def perturb(self, oracle, x, rng):
        rows = torch.zeros(3, dtype=torch.int64)
        oracle.scores((CLEAN, CLOSE, FAR), rows, withhold=True)
        if self.offered:
            oracle.offer(self.offered, rows[: len(self.offered)])
        return Perturbed(x)


def outcome(*offered, eps=None):
    examples = Examples(torch.tensor([7]), (CLEAN,), torch.tensor([1]))
    facts = Field(Modality.TEXT).facts()
    (row,) = play(TextContender(), Asking(offered), examples, needs=Access.SCORES, facts=facts, eps=eps)
    return row


def test_what_is_withheld_breaks_nothing_but_is_paid_for():
    row = outcome()
    assert (row["verdict"], row["queries"], row["first_query"]) == ("held", 3, None)


@pytest.mark.parametrize(
    ("offered", "query", "share"), [((CLOSE,), 2, 0.25), ((FAR,), 3, 0.5), ((FAR, CLOSE), 2, 0.25)]
)
def test_what_is_offered_counts_with_the_query_that_it_was(offered, query, share):
    row = outcome(*offered)
    assert (row["verdict"], row["best_query"], row["words"]) == ("broken", query, share)


def test_only_what_was_asked_about_and_succeeded_can_be_offered():
    assert outcome(CLEAN)["verdict"] == "held"
    assert outcome("bad bad bad bad")["verdict"] == "held"  # it would succeed, but nobody asked


def test_an_offer_beyond_eps_breaks_nothing():
    assert outcome(FAR, eps=0.3)["verdict"] == "held"
    assert outcome(FAR, CLOSE, eps=0.3)["stop_reason"] == "found"
