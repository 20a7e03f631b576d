"""Binary networks: weights and activations are +1 and -1, and slopes are those of the named functions."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from advbench import Examples
from advbench_baselines.bnn import Bnn, approx_sign, sign, ste, swish_sign
from advbench_baselines.layers import Scaled

sys.path.insert(0, str(Path(__file__).resolve().parent))
from baselines_case import job

POINTS = torch.linspace(-2, 2, 401, dtype=torch.float64)


def slope(function):
    x = POINTS.clone().requires_grad_(True)
    return torch.autograd.grad(function(x).sum(), x)[0]


def test_slopes_are_as_published():
    inside = POINTS.abs() < 1
    kink = (POINTS.abs() - 1).abs() < 1e-9
    expected = torch.where(inside, 2 - 2 * POINTS.abs(), 0.0)
    torch.testing.assert_close(slope(approx_sign)[~kink], expected[~kink])
    torch.testing.assert_close(slope(ste)[~kink], inside.double()[~kink])
    steep = 5 * POINTS
    swish = 5 * (2 - steep * (steep / 2).tanh()) / (1 + steep.cosh())
    torch.testing.assert_close(slope(swish_sign), swish)
    assert sign(torch.tensor([-0.1, 0.0, 0.1])).tolist() == [-1, 1, 1]


@pytest.mark.parametrize("estimator", ["approx-sign", "ste", "swish-sign"])
def test_it_answers_by_signs(estimator):
    given = job()
    contender = Bnn(epochs=15, learning_rate=0.01, estimator=estimator).fit(given)
    arrays, x = contender.state().arrays, given.tune.x
    latent = [arrays[f"members.0.{name}.weight"] for name in ("first", "last")]
    assert all(float(weight.abs().max()) <= 1 for weight in latent)
    out = x.flatten(1) @ sign(latent[0]).T
    mean, var, shift = (arrays[f"members.0.norm.{name}"] for name in ("norm.running_mean", "norm.running_var", "shift"))
    hidden = sign((out - mean) / (var + 1e-3).sqrt() + shift)
    torch.testing.assert_close(contender.scores(x), hidden @ sign(latent[1]).T)
    assert contender.facts.gradients == (f"surrogate/{estimator}",)
    assert float((contender.labels(x) == given.tune.y).float().mean()) > 0.6


def test_latent_weights_are_clipped_while_training():
    contender = Bnn(epochs=8, learning_rate=0.5).fit(job())
    latent = contender.state().arrays["members.0.first.weight"]
    assert float(latent.abs().max()) == 1.0
    assert float((latent.abs() == 1).float().mean()) > 0.05


def crowded(n, seed=0):
    """Inputs as means of many word vectors are: each near a place of its own, far from 0, and hardly moving."""
    places = torch.rand(20, generator=torch.Generator().manual_seed(99))
    moves = torch.randn(n, 20, generator=torch.Generator().manual_seed(seed))
    return Examples(torch.arange(n), places + 0.005 * moves, (moves[:, :10].sum(dim=1) > 0).long())


def test_it_learns_from_inputs_that_lie_close_together(monkeypatch):
    given = job(2, (20,), train=crowded(600), tune=crowded(300, seed=1))

    def right():
        contender = Bnn(epochs=12, learning_rate=0.003, votes=3).fit(given)
        again = Bnn(votes=3).restore(contender.state(), replace(given, train=crowded(1)))
        assert torch.equal(again.scores(given.tune.x), contender.scores(given.tune.x))
        return float((contender.labels(given.tune.x) == given.tune.y).float().mean())

    assert right() > 0.8
    monkeypatch.setattr("advbench_baselines.bnn.scaled", lambda facts, each: Scaled(facts.bounds))
    assert right() < 0.7  # the bounds say nothing of where these inputs lie


def test_votes_are_counted():
    given = job()
    contender = Bnn(votes=5, epochs=6, learning_rate=0.01).fit(given)
    winners = torch.stack([member(given.tune.x).argmax(dim=1) for member in contender.votes.members], dim=1)
    counts = torch.stack([(winners == label).sum(dim=1) for label in range(3)], dim=1)
    torch.testing.assert_close(contender.scores(given.tune.x), ((counts + 0.5) / 6.5).log())
    assert len(winners.unique(dim=1)[0]) > 1
