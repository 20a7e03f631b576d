"""Torch networks as contenders: frozen, in evaluation mode, with true gradients."""

import torch
from torch import nn

from advbench import Access, ContenderFacts, TorchContender
from advbench.arena.draws import QueryDraws
from advbench.testing import grid_examples


def network(seed=0):
    generator = torch.Generator().manual_seed(seed)
    made = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(0.5), nn.Linear(8, 3))
    for parameter in made.parameters():
        parameter.data.copy_(torch.randn(parameter.shape, generator=generator))
    return made


X = grid_examples(16).x


def test_it_is_frozen_and_in_evaluation_mode():
    contender = TorchContender(network().train())
    assert not contender.network.training
    assert not any(parameter.requires_grad for parameter in contender.network.parameters())
    assert torch.equal(contender.scores(X), contender.scores(X))  # no dropout
    assert not contender.scores(X).requires_grad
    assert torch.equal(contender.labels(X), contender.scores(X).argmax(dim=1))


def test_ties_go_to_the_lowest_class():
    class Even(nn.Module):
        def forward(self, x):
            return torch.tensor([[1.0, 2.0, 2.0], [3.0, 3.0, 3.0]])

    assert TorchContender(Even()).labels(X[:2]).tolist() == [1, 0]


def test_its_gradient_is_the_slope_in_double_precision():
    contender = TorchContender(network().double())
    x, h = X.double(), 1e-6

    def loss(scores):
        return scores[:, 1].exp() + scores[:, 0] * scores[:, 2]

    value, grad = contender.value_and_grad(x, loss)
    for feature in range(4):
        step = torch.zeros(4, dtype=torch.float64)
        step[feature] = h
        slope = (loss(contender.scores(x + step)) - loss(contender.scores(x - step))) / (2 * h)
        torch.testing.assert_close(grad[:, feature], slope, rtol=1e-6, atol=1e-7)
    assert not value.requires_grad
    assert not grad.requires_grad
    assert all(parameter.grad is None for parameter in contender.network.parameters())


def test_the_gradient_in_single_precision_is_near_it():
    single, double = TorchContender(network()), TorchContender(network().double())
    _, near = single.value_and_grad(X, lambda scores: scores[:, 0])
    _, true = double.value_and_grad(X.double(), lambda scores: scores[:, 0])
    torch.testing.assert_close(near.double(), true, rtol=1e-5, atol=1e-5)


def test_asking_neither_changes_nor_keeps_the_points():
    x = X.clone().requires_grad_(True)
    contender = TorchContender(network())
    contender.value_and_grad(x, lambda scores: scores[:, 0])
    assert x.grad is None
    assert torch.equal(x.detach(), X)


def test_a_stochastic_network_is_handed_its_noise():
    class Noisy(nn.Module):
        def forward(self, x, noise):
            return x[:, :2] + noise.normal((2,))

    facts = ContenderFacts(access=Access.GRADIENTS, gradients=("exact",), stochastic=True)
    contender = TorchContender(Noisy(), facts)
    drawn = [contender.scores(X[:2], noise=QueryDraws([1, 2], torch.device("cpu"))) for _ in range(2)]
    assert torch.equal(*drawn)
    other = contender.scores(X[:2], noise=QueryDraws([1, 3], torch.device("cpu")))
    assert torch.equal(drawn[0][0], other[0])
    assert not torch.equal(drawn[0][1], other[1])
    _, grad = contender.value_and_grad(X[:2], lambda scores: scores[:, 0], noise=QueryDraws([1, 2], X.device))
    assert grad.tolist() == [[1, 0, 0, 0]] * 2


def test_its_state_answers_equally():
    contender = TorchContender(network())
    other = network(seed=1)
    other.load_state_dict(dict(contender.state().arrays))
    assert torch.equal(TorchContender(other).scores(X), contender.scores(X))
