"""The defense as the arena sees it: labels, scores, classes, state."""

import math
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from advbench import Access, State
from advbench_scd.defense import Scd
from advbench_scd.network import SignVotes

sys.path.insert(0, str(Path(__file__).resolve().parent))
from scd_case import blobs, job_for


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


def test_it_offers_eight_surrogates_and_no_exact_gradient(trained):
    defense, contender, _, _ = trained
    assert contender.facts.access is Access.GRADIENTS
    assert len(contender.facts.gradients) == 8
    assert "surrogate/tau=.05,tau2=.2" in contender.facts.gradients
    assert "exact" not in contender.facts.gradients
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
    assert len({tuple(row) for row in again["final"].mT.flatten(0, 1).tolist()}) == again["threshold"].numel()


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


def test_margins_follow_the_mean_and_their_largest_is_the_label(trained):
    defense, contender, examples, job = trained
    margin = replace(defense, scores="margin").restore(None, contender.state(), job)
    scores, mean = margin.scores(examples.x), contender.network.logits(examples.x).mean(dim=2)
    assert torch.equal(scores.argmax(dim=1), contender.labels(examples.x))
    assert margin.facts.largest_margin == math.inf
    assert len(scores.unique(dim=0)) > len(contender.scores(examples.x).unique(dim=0))
    if job.facts.classes == 2:
        agreeing = (mean[:, 0] > 0) == (contender.labels(examples.x) == 1)
        assert torch.equal(scores[agreeing, 1], mean[agreeing, 0])
        assert agreeing.double().mean() > 0.8


def test_a_surrogate_is_the_stated_function_and_its_gradient_never_dies(trained):
    _, contender, examples, _ = trained
    network, x = contender.network, examples.x[:16]
    taus = contender.state().arrays["taus"]
    assert (taus.diff() > 0).all()
    z = (x @ network.weights.t() + network.biases) / network.weights.norm(dim=1)
    hidden = (z / taus[1]).sigmoid().reshape(16, *network.final.shape)
    f = ((hidden * network.final).sum(dim=2) + network.threshold) / network.final.norm(dim=1)
    wanted = (f / 0.2).sigmoid().mean(dim=2).log()
    value, grad = contender.value_and_grad(x, lambda scores: scores[:, -1], gradient="surrogate/tau=.05,tau2=.2")
    torch.testing.assert_close(value, wanted[:, -1], rtol=1e-4, atol=1e-5)
    assert grad.shape == x.shape
    assert grad.flatten(1).ne(0).any(dim=1).all()
