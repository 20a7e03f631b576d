"""Votes: counted or averaged, with the gradient of their mean probability, in both precisions."""

import math
import sys
from pathlib import Path

import pytest
import torch

from advbench_baselines.convnets import CarliniWagnerCnn
from advbench_baselines.lenet import LeNet
from advbench_baselines.votes import Votes, VotingContender, counted

sys.path.insert(0, str(Path(__file__).resolve().parent))
from baselines_case import blobs, facts, job

X = blobs(30, seed=3).x


def votes(count=5):
    return Votes([LeNet().network(facts(), torch.Generator().manual_seed(seed)) for seed in range(count)]).eval()


def test_soft_votes_are_mean_probabilities():
    model = LeNet(votes=5, vote="soft")
    contender = VotingContender(votes(), model.facts(), hard=False)
    shares = torch.stack([member(X).softmax(dim=1) for member in votes().members]).mean(dim=0)
    torch.testing.assert_close(contender.scores(X), shares.log().detach())
    assert contender.facts.gradients == ("exact",)


def test_hard_votes_are_counted_and_ties_go_to_the_lowest():
    scores = torch.tensor([[[1.0, 3.0, 2.0], [4.0, 4.0, 0.0], [0.0, 1.0, 1.0]], [[0.0, 0, 1], [0, 1, 0], [1, 0, 0]]])
    expected = torch.tensor([[1.5, 2.5, 0.5], [1.5, 1.5, 1.5]]) / 4.5
    torch.testing.assert_close(counted(scores), expected.log())
    assert counted(scores).argmax(dim=1).tolist() == [1, 0]


def test_hard_votes_reach_their_largest_margin_and_offer_the_mean_probabilitys_gradient():
    model = LeNet(votes=5)
    hard = VotingContender(votes(), model.facts(), hard=True)
    soft = VotingContender(votes(), LeNet(votes=5, vote="soft").facts(), hard=False)
    for one, other in zip(*(c.value_and_grad(X, lambda s: s[:, 1]) for c in (hard, soft)), strict=True):
        assert torch.equal(one, other)
    for member in hard.votes.members:
        member[-1].bias[1] = 9.0  # all agree
    spread = hard.scores(X).amax(dim=1) - hard.scores(X).amin(dim=1)
    assert float(spread.max()) == pytest.approx(math.log(11))
    assert hard.facts.largest_margin == math.log(11)
    assert hard.facts.gradients == ("surrogate/mean-probability",)


def test_one_vote_is_the_network_itself():
    for vote in ("hard", "soft"):
        model = LeNet(vote=vote)
        assert model.facts() == LeNet().facts()
        contender = model.restore(model.fit(job(train=blobs(20))).state(), job())
        torch.testing.assert_close(contender.scores(X), contender.votes.members[0](X))


def test_doubles_are_answered_in_double_precision():
    contender = VotingContender(votes(), LeNet(votes=5, vote="soft").facts(), hard=False)
    wide = contender.scores(X.double())
    assert wide.dtype == torch.float64
    assert not torch.equal(wide, wide.float().double())
    torch.testing.assert_close(wide.float(), contender.scores(X), rtol=1e-4, atol=1e-4)
    _, grad = contender.value_and_grad(X.double(), lambda s: s[:, 0])
    assert grad.dtype == torch.float64


def test_a_network_that_a_defense_trains_is_built_ready_to_train():
    network = CarliniWagnerCnn(votes=2).build(job())
    first, second = network(X), network(X)
    assert not torch.equal(first, second), "dropout must be on"
    again = CarliniWagnerCnn(votes=2).build(job())
    assert torch.equal(again(X), first)


@pytest.mark.parametrize(("features", "device", "expected"), [
    (64, "cpu", True), (784, "cpu", False), (784, "cuda", True),
])  # fmt: skip
def test_votes_are_trained_together_where_that_is_faster(features, device, expected):
    side = math.isqrt(features)
    given = job(shape=(1, side, side), device=torch.device(device))
    assert LeNet()._together(given) is expected
    assert CarliniWagnerCnn()._together(given) is False
