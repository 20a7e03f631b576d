"""Layers: rows that depend on nothing else, masks from a stream of their own, inputs by bounds or training split."""

import sys
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from advbench import Bounds
from advbench_baselines.layers import Conv1d, Dense, Dropout, Scaled, Standardised, draw, learn_scales, product, scaled

sys.path.insert(0, str(Path(__file__).resolve().parent))
from baselines_case import facts


@pytest.mark.parametrize("outputs", [1, 2, 5, 7, 10, 15, 16, 40])
@pytest.mark.parametrize("inputs", [2, 9, 64])
def test_products_are_products(inputs, outputs):
    generator = torch.Generator().manual_seed(0)
    x, weight = torch.randn(9, inputs, generator=generator), torch.randn(outputs, inputs, generator=generator)
    bias = torch.randn(outputs, generator=generator)
    torch.testing.assert_close(product(x, weight, bias), x @ weight.T + bias)
    torch.testing.assert_close(product(x, weight), x @ weight.T)


@pytest.mark.parametrize("outputs", [5, 6, 7, 9, 10, 11])
@pytest.mark.parametrize("inputs", [7, 10, 64])
def test_a_row_depends_on_nothing_else(inputs, outputs):
    layer = draw(Dense(inputs, outputs), torch.Generator().manual_seed(0))
    x = torch.randn(128, inputs, generator=torch.Generator().manual_seed(1))

    def answers(points):
        points = points.clone().requires_grad_(True)
        out = layer(points)
        (grad,) = torch.autograd.grad((out * torch.arange(outputs)).sum(), points)
        return out.detach(), grad

    together = answers(x)
    for order in (torch.arange(127, -1, -1), torch.arange(128).roll(5), torch.arange(96)):
        for whole, part in zip(together, answers(x[order]), strict=True):
            assert torch.equal(whole[order], part)


def test_inputs_are_scaled_by_the_bounds():
    x = torch.tensor([[-1.0, 3.0, 1.0]])
    assert Scaled(Bounds(-1, 3))(x).tolist() == [[0.0, 1.0, 0.5]]
    assert Scaled(Bounds(-1, 3), 0.5, 0.5)(x).tolist() == [[-1.0, 1.0, 0.0]]
    assert Scaled(None)(x).tolist() == x.tolist()


def test_dropout_draws_from_its_own_stream():
    layer, x = Dropout(0.25), torch.ones(400, 50)
    before = torch.random.get_rng_state()
    layer.reseed(3)
    first, second = layer(x), layer(x)
    layer.reseed(3)
    assert torch.equal(layer(x), first)
    assert not torch.equal(first, second)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert first.unique().tolist() == pytest.approx([0, 4 / 3])
    assert float((first == 0).float().mean()) == pytest.approx(0.25, abs=0.01)
    assert layer.eval()(x) is x


@pytest.mark.parametrize("kernel", [1, 2, 5, 16])
def test_convolutions_along_time_keep_the_length(kernel):
    layer = draw(Conv1d(3, 4, kernel), torch.Generator().manual_seed(0))
    x = torch.randn(2, 3, 9, generator=torch.Generator().manual_seed(1))
    expected = F.conv1d(F.pad(x, ((kernel - 1) // 2, kernel // 2)), layer.conv.weight, layer.conv.bias)
    assert layer(x).shape == (2, 4, 9)
    torch.testing.assert_close(layer(x), expected)


def test_weights_come_from_the_generator_alone():
    before = torch.random.get_rng_state()
    networks = [draw(Dense(30, 20), torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(networks[0].weight, networks[1].weight)
    assert not torch.equal(networks[0].weight, networks[2].weight)
    assert float(networks[0].weight.detach().abs().max()) <= 30**-0.5


@pytest.mark.parametrize("shape", [(3,), (5, 2)])
def test_all_but_pictures_are_scaled_by_the_training_split(shape):
    x = 40 + torch.rand(50, *shape, generator=torch.Generator().manual_seed(0)) * torch.arange(1.0, 1 + shape[-1])
    layers = [scaled(facts(shape=shape), each=each) for each in (True, False)]
    for layer in layers:
        learn_scales([layer], x)
    each, one = (layer(x) for layer in layers)
    torch.testing.assert_close(each.mean(dim=0), torch.zeros(shape), atol=1e-5, rtol=0)
    torch.testing.assert_close(one.mean(), torch.zeros(()), atol=1e-5, rtol=0)
    for out in (each, one):
        torch.testing.assert_close(out.square().mean().sqrt(), torch.ones(()))
        spans = (out.amax(dim=0) - out.amin(dim=0)) / (x.amax(dim=0) - x.amin(dim=0))
        torch.testing.assert_close(spans, spans.flatten()[:1].expand(shape))  # sizes beside each other are kept
    assert type(scaled(facts(shape=(1, 8, 8)), each=True)) is Scaled


def test_inputs_that_are_all_alike_are_only_moved():
    layer = Standardised((2,))
    layer.learn(torch.full((4, 2), 7.0))
    assert layer(torch.tensor([[8.0, 7.0]])).tolist() == [[1.0, 0.0]]
