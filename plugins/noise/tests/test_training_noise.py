"""Training, resuming, answering and refusing."""

import errno
import os
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))
from noise_case import FACTS, Draws, Net, blobs, dense, job, residual, small_cnn, state_of

from advbench import ContestError, DataError, Examples, ParamError, RequestError
from advbench.builtin.models import Mlp
from advbench.catalog.plugins import discover
from advbench.catalog.registry import read
from advbench.catalog.resolve import Resolver
from advbench_noise.defense import Noise
from advbench_noise.recipe import augmented, recipe_of


def test_it_learns_and_restores_bit_for_bit():
    rows = []
    model, noise = Net(small_cnn, epochs=6), Noise(where="all")
    contender = noise.protect(model, job(log=rows.append))
    again = noise.restore(model, contender.state(), job())
    x = blobs(8).x
    assert torch.equal(contender.scores(x, noise=Draws(8)), again.scores(x, noise=Draws(8)))
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert rows[-1]["tune_accuracy"] > 0.8


def test_sigma_is_learnt_or_stays():
    start = torch.full((23,), 0.5)
    assert not torch.equal(state_of(Noise(sigma=0.5).protect(Net(dense), job()))["sigma"], start)
    assert torch.equal(state_of(Noise(sigma=0.5, learn=False).protect(Net(dense), job()))["sigma"], start)
    assert torch.equal(state_of(Noise(learn=False).protect(Net(dense), job()))["sigma"], torch.ones(23))


def test_weight_decay_does_not_reach_sigma_unless_asked():
    """Weights vanish under a huge decay, and with them every slope: sigma stays, or decays by its own."""
    model = Net(dense, weight_decay=100.0, learning_rate=0.05, epochs=8)
    kept = state_of(Noise(sigma=0.5, logits=False, sigma_rate=1e-9).protect(model, job()))
    assert float(kept["network.1.layer.weight"].abs().mean()) < 0.02
    assert torch.allclose(kept["sigma"], torch.full((20,), 0.5), atol=1e-6)
    shrunk = state_of(Noise(sigma=0.5, logits=False, sigma_decay=100.0).protect(model, job()))
    assert bool((shrunk["sigma"] < 0.46).all())


@pytest.mark.parametrize("make", [dense, residual])
def test_an_interrupted_training_ends_where_it_would_have(make, tmp_path, monkeypatch):
    noise, model = Noise(where="all"), Net(make, epochs=4)
    whole = state_of(noise.protect(model, job()))
    monkeypatch.setattr("advbench_noise.checkpoint._EVERY", 0.0)

    class Interrupted(Exception):
        pass

    def stop(row):
        if row["epoch"] == 2:
            raise Interrupted

    with pytest.raises(Interrupted):
        noise.protect(model, job(log=stop, checkpoints=tmp_path))
    rows = []
    resumed = state_of(noise.protect(model, job(log=rows.append, checkpoints=tmp_path)))
    assert [row["epoch"] for row in rows] == [0, 1, 2, 3]
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)


def test_a_full_disk_ends_no_training(tmp_path, monkeypatch):
    noise, model = Noise(where="all"), Net(dense, epochs=3)
    whole = state_of(noise.protect(model, job()))
    tried = []

    def full(handle):
        tried.append(handle)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("advbench_noise.checkpoint._EVERY", 0.0)
    monkeypatch.setattr(os, "fsync", full)
    again = state_of(noise.protect(model, job(checkpoints=tmp_path)))
    assert len(tried) == 3
    assert all(torch.equal(again[name], whole[name]) for name in whole)
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_of_other_settings_is_left_aside(tmp_path):
    Noise(sigma=0.5).protect(Net(dense, epochs=1), job(checkpoints=tmp_path))
    fresh = state_of(Noise(sigma_rate=0.01).protect(Net(dense, epochs=3), job()))
    beside = state_of(Noise(sigma_rate=0.01).protect(Net(dense, epochs=3), job(checkpoints=tmp_path)))
    assert torch.equal(fresh["sigma"], beside["sigma"])


def test_answers_without_noise_with_one_draw_and_with_the_mean_of_many():
    model, x = Net(dense, epochs=1), blobs(6).x
    one = Noise(sigma=1.0, learn=False)
    contender = one.protect(model, job())

    def answer(test, noise):
        return replace(one, test=test).restore(model, contender.state(), job()).scores(x, noise=noise)

    off = answer("off", None)
    assert torch.equal(off, answer("off", Draws(6)))
    draws = Draws(6, seed=1)
    each = [contender.scores(x, noise=draws).log_softmax(1) for _ in range(4)]
    wanted = torch.stack(each).exp().mean(0).log()
    assert torch.allclose(answer("mean:4", Draws(6, seed=1)), wanted, atol=1e-5)
    assert not torch.allclose(answer("mean:4", Draws(6, seed=2)), wanted, atol=1e-2)


def test_a_fixed_draw_answers_alike_and_has_the_gradient_of_its_answer():
    """The frozen draw makes of EOT an ordinary gradient: any number of draws averages the same number."""
    contender = Noise(sigma=1.0, learn=False, test="fixed").protect(Net(dense, epochs=1), job())
    assert not contender.facts.stochastic
    x = blobs(6).x
    assert torch.equal(contender.scores(x), contender.scores(x, noise=Draws(6, seed=9)))
    assert torch.equal(contender.scores(x)[:2], contender.scores(x[:2])) or torch.allclose(
        contender.scores(x)[:2], contender.scores(x[:2]), atol=1e-6
    )
    _, grad = contender.value_and_grad(x, lambda scores: scores[:, 0], gradient="exact")
    step = 1e-3 * torch.sign(grad)
    rise = contender.scores(x + step)[:, 0] - contender.scores(x - step)[:, 0]
    assert torch.allclose(rise, 2 * (grad * step).flatten(1).sum(1), rtol=0.05, atol=1e-4)


def test_the_gradient_of_a_query_is_at_the_draw_of_its_value():
    contender = Noise(sigma=1.0, learn=False).protect(Net(dense, epochs=1), job())
    x = blobs(4).x
    value, _ = contender.value_and_grad(x, lambda s: s[:, 1], gradient="exact", noise=Draws(4, seed=3))
    assert torch.equal(value, contender.scores(x, noise=Draws(4, seed=3))[:, 1])


def test_without_noise_it_is_the_plain_network():
    contender = Noise(where="none").protect(Net(dense), job())
    assert not contender.facts.stochastic
    assert contender.network.places == []
    assert torch.equal(contender.scores(blobs(4).x), contender.scores(blobs(4).x, noise=Draws(4)))


def test_the_bound_on_sensitivity_holds_and_is_tight_for_one_linear_layer():
    rows = []
    contender = Noise(sigma=0.2).protect(Mlp(hidden=(12,), epochs=3), job(log=rows.append))
    bound = rows[-1]["sensitivity_bound"]
    x = blobs(30).x
    moved = x + 0.05 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0)).sign()
    # scores of mlp are log-softmax: compare differences of classes, which move by twice the bound at most
    change = contender.scores(moved, noise=Draws(30)) - contender.scores(x, noise=Draws(30))
    assert float((change[:, :1] - change).abs().max()) <= 2 * 0.05 * bound

    Noise(where="none").protect(Mlp(hidden=(12,), epochs=1), job(log=rows.append))
    assert rows[-1]["sensitivity_bound"] > 0

    linear = lambda: torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3))  # noqa: E731
    contender = Noise(sigma=0.2).protect(Net(linear), job(log=rows.append))
    assert rows[-1]["sensitivity_bound"] == pytest.approx(
        float(contender.network.network[1].layer.weight.abs().sum(1).max()), rel=1e-6
    )
    Noise().protect(Net(residual, epochs=1), job(log=rows.append))
    assert "sensitivity_bound" not in rows[-1]


def test_sigma_that_collapses_in_training_is_told_with_the_layer():
    notes = []
    Noise(sigma=0.02, sigma_decay=0.5).protect(Net(dense, epochs=20, weight_decay=10.0), job(note=notes.append))
    assert re.search(r"of layer 1 \(20 units\) must be >= .* collapsed", notes[0])
    notes.clear()
    Noise(sigma=0.02, sigma_decay=0.5, where="all").protect(
        Net(small_cnn, epochs=8, weight_decay=10.0), job(note=notes.append)
    )
    assert any(re.search(r"of layer 1 \(\d+x\d+x\d+\) must be", note) for note in notes)


def test_a_loss_that_is_no_number_stops_with_epoch_and_setting():
    told = (
        r"the loss must be finite, got nan by step \d+ of epoch [12]\. Lower the model's learning_rate \(now 1e\+30\)"
    )
    with pytest.raises(ContestError, match=told):
        Noise().protect(Net(dense, learning_rate=1e30), job())


@pytest.mark.parametrize("name", ["sigma", "sigma_rate", "sigma_decay"])
def test_numbers_that_no_network_stands_are_refused_where_they_are_typed(name):
    with pytest.raises(ParamError, match=f"{name} must be .*<= 1000"):
        Resolver(discover(), read()).one("defense", f"noise:{name}=1e300")


@pytest.mark.parametrize("text", ["mean", "mean:0", "mean:-2", "mean:x", "two", ""])
def test_a_test_mode_that_does_not_parse_is_refused(text):
    with pytest.raises(ValueError, match="test must be one, off, fixed or mean:M with M >= 1, got"):
        Noise(test=text)


def test_models_that_cannot_carry_noise_are_refused():
    with pytest.raises(RequestError, match="noise: its model must be one network with exact gradients, got"):
        Noise().facts(replace(FACTS, gradients=("surrogate",)))
    with pytest.raises(RequestError, match="noise: its model must be one network, got votes=3"):
        Noise().protect(Mlp(votes=3), job())
    with pytest.raises(
        RequestError, match="noise: its model must build an untrained network, got Net, which builds int"
    ):
        Noise().protect(Net(lambda: 3), job())
    only_conv = lambda: torch.nn.Sequential(torch.nn.Conv2d(1, 3, 8), torch.nn.Flatten())  # noqa: E731
    with pytest.raises(RequestError, match="noise: its model must have fully connected layers, got Net with none"):
        Noise(where="fc").protect(Net(only_conv), job())


def test_inputs_that_do_not_fit_are_refused():
    words = Examples(torch.arange(2), ("a", "b"), torch.tensor([0, 1]))
    with pytest.raises(DataError, match="noise: inputs must be numbers, got text"):
        Noise().protect(Net(dense), job(train=words))
    flat = lambda: torch.nn.Linear(8, 3)  # noqa: E731
    with pytest.raises(DataError, match="noise: augment=crop-flip must be of pictures, got inputs \\(8,\\)"):
        Noise(preset="cifar10").protect(Net(flat), job(shape=(8,)))


def test_a_deadline_ends_it():
    with pytest.raises(ContestError, match="noise: training must end before its deadline, got 0 of 3 epochs"):
        Noise().protect(Net(dense), job(deadline=0.0))


def test_presets_are_table_1_and_else_the_models_own():
    tiny = recipe_of(Mlp(), "tiny-imagenet", None)
    assert (tiny.optimizer, tiny.learning_rate, tiny.weight_decay, tiny.epochs, tiny.batch) == (
        "sgd",
        1e-2,
        5e-4,
        80,
        128,
    )
    assert [round(tiny.rate(epoch), 4) for epoch in (0, 19, 20, 40, 79)] == [1, 1, 0.8, 0.64, 0.512]
    assert recipe_of(Mlp(), "cifar10", 7).epochs == 7
    own = recipe_of(Mlp(epochs=9, optimizer="adadelta"), "none", None)
    assert (own.epochs, own.optimizer, own.schedule, own.learning_rate) == (9, "adadelta", "cosine", 0.01)


def test_crops_are_parts_of_the_picture():
    x = torch.arange(1, 65, dtype=torch.float32).reshape(1, 1, 8, 8).expand(40, -1, -1, -1)
    moved = augmented(x, "crop-flip", torch.Generator().manual_seed(0))
    assert moved.shape == x.shape
    inner = moved[:, 0, 1:-1, 1:-1]
    steps = (inner[:, :, 1:] - inner[:, :, :-1])[(inner[:, :, 1:] > 0) & (inner[:, :, :-1] > 0)]
    assert set(steps.tolist()) == {-1.0, 1.0}
    assert len({tuple(row.flatten().tolist()) for row in moved}) > 10
