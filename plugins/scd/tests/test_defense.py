"""The defense as the arena sees it: labels, scores, classes, state."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from advbench import Access, Bounds, DatasetFacts, Examples, Job, Modality, State
from advbench_scd.defense import Scd
from advbench_scd.network import SignVotes


class Seeds:
    """Names to seeds, as the arena hands them out."""

    def __init__(self, *names):
        self.names = names

    def child(self, *names):
        return Seeds(*self.names, *names)

    def seed(self):
        return int.from_bytes(repr(self.names).encode()[-7:], "big")


def blobs(classes, n=240):
    """Overlapping clouds in the unit square, `classes` of them."""
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(n) % classes
    angle = y * 2 * math.pi / classes
    centres = 0.5 + 0.3 * torch.stack([angle.cos(), angle.sin()], dim=1)
    x = (centres + 0.1 * torch.randn(n, 2, generator=generator)).clamp(0, 1)
    return Examples(torch.arange(n), x, y)


def job_for(examples, classes, progress=lambda done, total: None):
    facts = DatasetFacts(modality=Modality.TABULAR, shape=(2,), classes=classes, bounds=Bounds(0, 1), digest="")
    return Job(
        train=examples, tune=examples, facts=facts, rng=Seeds(), device=torch.device("cpu"), threads=2,
        progress=progress,
    )  # fmt: skip


@pytest.fixture(scope="module", params=[2, 3])
def trained(request):
    examples, seen = blobs(request.param), []
    job = job_for(examples, request.param, lambda done, total: seen.append((done, total)))
    attack = Scd(votes=9, iterations=200, hidden=8)
    contender = attack.protect(None, job)
    ensembles = 1 if request.param == 2 else request.param
    assert seen[-1] == (9 * ensembles, 9 * ensembles)
    return attack, contender, examples, job


def test_it_learns(trained):
    _, contender, examples, _ = trained
    assert (contender.labels(examples.x) == examples.y).double().mean() > 0.9


def test_it_offers_scores_and_no_gradient(trained):
    defense, contender, _, _ = trained
    assert contender.facts.access is Access.SCORES
    assert contender.facts.gradients == ()
    assert not hasattr(contender, "value_and_grad")
    assert defense.facts(None) == contender.facts


def test_scores_are_the_log_of_the_smoothed_share_of_votes(trained):
    _, contender, examples, job = trained
    scores, counts = contender.scores(examples.x), contender.network(examples.x)
    classes = job.facts.classes
    assert scores.dtype == torch.float32
    assert scores.shape == counts.shape == (len(examples), classes)
    if classes == 2:
        assert (counts.sum(dim=1) == 9).all()
    torch.testing.assert_close(scores, ((counts + 0.5) / (9 + classes / 2)).log())
    spread = scores.amax(dim=1) - scores.amin(dim=1)
    assert float(spread.max()) <= contender.facts.largest_margin + 1e-6
    assert contender.facts.largest_margin == pytest.approx(math.log(19))
    assert torch.equal(scores.argmax(dim=1), contender.labels(examples.x))


def test_a_tie_goes_to_the_lowest_class():
    network = SignVotes(1, 2, 1, 1)
    network.weights.copy_(torch.tensor([[1.0], [-1.0]]))
    network.final.fill_(1.0)
    network.threshold.fill_(-0.5)
    assert network(torch.tensor([[0.3]])).tolist() == [[1, 1]]
    assert network(torch.tensor([[0.3]])).argmax(dim=1).tolist() == [0]


def test_a_restart_answers_equally(trained):
    defense, contender, examples, job = trained
    state = contender.state()
    again = defense.restore(None, State({name: array.clone() for name, array in state.arrays.items()}), job)
    assert torch.equal(again.scores(examples.x), contender.scores(examples.x))


def test_the_same_seed_gives_the_same_networks(trained):
    defense, contender, _, job = trained
    again = defense.protect(None, job).state().arrays
    assert all(torch.equal(again[name], array) for name, array in contender.state().arrays.items())
    assert len({tuple(row) for row in again["final"].flatten(0, 1).tolist()}) == again["final"][..., 0].numel()


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(12)), st.integers(1, 12))
def test_rows_answer_alone_as_they_do_in_company(order, size):
    network = SignVotes(1, 5, 7, 3)
    generator = torch.Generator().manual_seed(1)
    for tensor in (network.weights, network.biases, network.final, network.threshold):
        tensor.copy_(torch.randn(tensor.shape, generator=generator))
    x = torch.randn(12, 3, generator=generator)
    together = network(x)
    order = torch.tensor(order)
    parts = torch.cat([network(part) for part in x[order].split(size)])
    assert torch.equal(parts, together[order])
