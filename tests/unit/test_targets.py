"""Which class a targeted attack must reach: the same in any shard, and where it can be for any contender."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from advbench import Access, ContenderFacts, Examples, Norm, RequestError, Threat
from advbench.bench.targets import with_targets
from advbench.testing import ThresholdContender

sys.path.insert(0, str(Path(__file__).resolve().parent))
from arena_case import CPU, subset

N, CLASSES = 12, 4
EXAMPLES = Examples(torch.arange(100, 100 + N), torch.rand(N, 3, generator=torch.Generator().manual_seed(0)),
                    torch.arange(N) % CLASSES)  # fmt: skip


class Four:
    """Scores of four classes. If stochastic, class 2 is sure in half of the draws, and impossible in the others."""

    def __init__(self, stochastic=False):
        self.facts = ContenderFacts(access=Access.SCORES, stochastic=stochastic)

    def scores(self, x, *, noise=None):
        fixed = torch.tensor([1.0, 0.0, -9.0, -1.0]).expand(len(x), CLASSES).clone()
        if self.facts.stochastic:
            lucky = noise.uniform((1,)).squeeze(1) < 0.5
            fixed[:, 2] = torch.where(lucky, 9.0, -9.0)
        return fixed


def targets(how, contender=None, examples=EXAMPLES, seed=0):
    threat = Threat(access=Access.LABELS, norm=Norm.L2, targeted=True, targets=how)
    return with_targets(examples, threat, CLASSES, seed, contender or Four(), CPU)


def test_the_least_likely_class_is_the_lowest_of_the_wrong_ones():
    _, target = targets("least-likely")
    assert target.tolist() == [3 if y == 2 else 2 for y in EXAMPLES.y.tolist()]


def test_of_a_noisy_contender_it_is_the_one_of_the_lowest_mean_probability():
    """Class 2 has half of it, though its mean score is the lowest, as is its score in every other draw."""
    _, target = targets("least-likely", Four(stochastic=True))
    assert target.tolist() == [1 if y == 3 else 3 for y in EXAMPLES.y.tolist()]


@pytest.mark.parametrize("how", ["random", "next", "least-likely"])
def test_a_target_does_not_depend_on_the_company(how):
    noisy = Four(stochastic=True)
    _, together = targets(how, noisy)
    for i in range(N):
        _, alone = targets(how, noisy, subset(EXAMPLES, [i]))
        assert alone.tolist() == [together[i]]
    assert not bool((together == EXAMPLES.y).any())


def test_random_targets_follow_the_seed_and_not_the_contender():
    assert targets("random")[1].tolist() == targets("random", Four(stochastic=True))[1].tolist()
    assert targets("random")[1].tolist() != targets("random", seed=1)[1].tolist()


def test_all_names_every_wrong_class_once():
    wide, target = targets("all")
    pairs = set(zip(wide.ids.tolist(), target.tolist(), strict=True))
    assert len(target) == len(pairs) == N * (CLASSES - 1)
    assert not bool((wide.y == target).any())


def test_a_fixed_label_leaves_out_those_that_have_it():
    kept, target = targets("2")
    assert target.tolist() == [2] * len(kept)
    assert kept.ids.tolist() == [i for i, y in zip(EXAMPLES.ids.tolist(), EXAMPLES.y.tolist(), strict=True) if y != 2]
    with pytest.raises(RequestError, match="must be a label from 0 to 3, got 4"):
        targets("4")


def test_labels_alone_do_not_tell_the_least_likely_class():
    closed = ThresholdContender()
    closed.facts = replace(closed.facts, access=Access.LABELS)
    with pytest.raises(RequestError, match="must have a contender that gives scores"):
        targets("least-likely", closed)
