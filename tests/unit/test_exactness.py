"""Which contenders answer a row alike in any company; the check that says so must be able to say no."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from advbench import Access, ContenderFacts
from advbench.arena.exactness import rows_are_exact
from advbench.builtin.datasets import BreastCancer, Digits, TwoMoons
from advbench.builtin.models import Linear, Mlp
from advbench.testing import (
    AbstainingContender,
    LabelsOnly,
    LinearContender,
    NeighbourlyContender,
    NoisyContender,
    RoundingContender,
    SurrogateContender,
    TextContender,
    ThresholdContender,
    TreeContender,
    grid_examples,
)

sys.path.insert(0, str(Path(__file__).resolve().parent))
from arena_case import CPU, job

X = grid_examples(16).x
TREE = {"feature": 0, "above": 1.0, "low": 0, "high": 1}


@pytest.mark.parametrize(
    "contender",
    [
        ThresholdContender(),
        LinearContender(),
        NoisyContender(),
        SurrogateContender(),
        AbstainingContender(),
        LabelsOnly(LinearContender()),
        TreeContender(TREE, 2),
        RoundingContender(LinearContender(), 0.25),
    ],
    ids=lambda contender: type(contender).__name__,
)
@pytest.mark.parametrize("rows", [1, 5, 16])
def test_toys_are_exact(contender, rows):
    assert rows_are_exact(contender, X[:rows], 2, CPU)


def test_text_is_checked_too():
    assert rows_are_exact(TextContender(), ("good", "bad film", "good good bad") * 4, 2, CPU)


def test_a_contender_that_looks_at_its_neighbours_is_not():
    assert not rows_are_exact(NeighbourlyContender(), X, 2, CPU)


def _like(facts=None, **methods):
    made = type("Strange", (LinearContender,), methods)()
    made.facts = replace(made.facts, **(facts or {}))
    return made


def test_each_kind_of_company_is_tried():
    def only_when(condition):
        def scores(self, x, *, noise=None):
            value = super(type(self), self).scores(x)
            return value * (1 + 1e-6 * condition(x))

        return _like({"chunk": 64, "pad": 1}, scores=scores)

    assert rows_are_exact(only_when(lambda x: 0), X, 2, CPU)
    for condition in (
        lambda x: len(x) == 1,
        lambda x: len(x) == 7,
        lambda x: len(x) == 32,
        lambda x: len(x) == 48,
        lambda x: len(x) == 64,
        lambda x: (torch.arange(len(x)) == 0).float().unsqueeze(1),  # first of its call
    ):
        assert not rows_are_exact(only_when(condition), X, 2, CPU)


def test_gradients_are_checked_too():
    def value_and_grad(self, x, loss, *, gradient, noise=None):
        value, grad = LinearContender.value_and_grad(self, x, loss, gradient=gradient)
        return value, grad * (1 + 1e-6 * len(x))

    assert not rows_are_exact(_like(value_and_grad=value_and_grad), X, 2, CPU)
    scores_only = {"access": Access.SCORES, "gradients": ()}
    assert rows_are_exact(_like(scores_only, value_and_grad=value_and_grad), X, 2, CPU)


def test_noise_that_is_drawn_for_the_whole_call_is_not_exact():
    class Careless(NoisyContender):
        def scores(self, x, *, noise=None):
            drawn = torch.randn(len(x), 1, generator=torch.Generator().manual_seed(noise._seeds[0]))
            return ThresholdContender.scores(self, x[:, :1] + drawn)

    assert not rows_are_exact(Careless(), X, 2, CPU)


MODELS = {
    "linear": Linear(epochs=1),
    "mlp": Mlp(epochs=1),
    "deep": Mlp(hidden=(100, 50), epochs=1),
    "soft votes": Mlp(hidden=(20,), activation="sigmoid", votes=100, epochs=1),
    "hard votes": Mlp(hidden=(20,), activation="sigmoid", votes=100, vote="hard", epochs=1),
}


@pytest.mark.parametrize("data", [Digits(), Digits(classes=(3, 8)), BreastCancer(), TwoMoons(examples=200)], ids=repr)
@pytest.mark.parametrize("name", MODELS)
def test_the_models_are_exact_with_the_chunks_their_facts_name(name, data):
    torch.set_num_threads(1)
    own = job(data)
    first = data.load("train", range(64))
    contender = MODELS[name].fit(replace(own, train=first))
    x = data.load("eval", range(16)).x
    assert rows_are_exact(contender, x, data.facts().classes, CPU)


def test_scd_is_exact():
    scd = pytest.importorskip("advbench_scd.defense").Scd(votes=100, iterations=2)
    data = Digits(classes=(3, 8))
    contender = scd.protect(None, job(data))
    assert rows_are_exact(contender, data.load("eval", range(16)).x, 2, CPU)
    # Not only the votes, which round: the sums behind them too.
    weights, biases = contender.network.weights, contender.network.biases
    sums = _like(scores=lambda self, x, *, noise=None: torch.addmm(biases, x.flatten(1), weights.t()))
    sums.facts = contender.facts
    assert rows_are_exact(sums, data.load("eval", range(16)).x, len(biases), CPU)


def test_facts_are_read_not_guessed():
    contender = ThresholdContender()
    contender.facts = ContenderFacts(access=Access.LABELS)
    assert rows_are_exact(contender, X, 2, CPU)
