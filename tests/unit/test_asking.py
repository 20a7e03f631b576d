"""Chunks and padding change no answer; what was padding is nobody's query."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from advbench.arena.asking import Asker
from advbench.arena.meter import Metered
from advbench.contract.errors import ContestError
from advbench.testing import LinearContender, NoisyContender, TextContender, grid_examples

sys.path.insert(0, str(Path(__file__).resolve().parent))
from arena_case import CPU

X = grid_examples(40).x
SEEDS = list(range(1000, 1040))


def shaped(contender, chunk, pad):
    contender.facts = replace(contender.facts, chunk=chunk, pad=pad)
    return contender


class Sizes(LinearContender):
    """Remembers how many rows each call held."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def scores(self, x, *, noise=None):
        self.seen.append(len(x))
        return super().scores(x)


@settings(max_examples=15, deadline=None)
@given(n=st.integers(0, 24), chunk=st.integers(1, 17), pad=st.sampled_from([1, 4, 16]), draws=st.integers(1, 3))
def test_no_answer_depends_on_chunk_or_padding(n, chunk, pad, draws):
    def everything(contender):
        meter = Metered(contender)
        asker = Asker(meter, 2, CPU)
        seeds = [seed * 10 + k for seed in SEEDS[:n] for k in range(draws)]
        value, grad = asker.value_and_grad(X[:n], lambda scores, index: scores[:, 1] * index, "exact", seeds, draws)
        answers = (asker.labels(X[:n], SEEDS[:n]), asker.scores(X[:n], SEEDS[:n]), value, grad)
        assert (meter.rows, meter.gradients) == (2 * n + n * draws, n * draws)
        return answers

    for kind in (LinearContender, NoisyContender):
        whole = everything(shaped(kind(), 1000, 1))
        parts = everything(shaped(kind(), chunk, pad))
        for one, other in zip(whole, parts, strict=True):
            assert one.shape == other.shape
            assert torch.equal(one, other)


def test_calls_hold_a_chunk_or_a_multiple_of_the_padding():
    contender = shaped(Sizes(), 16, 4)
    asker = Asker(contender, 2, CPU)
    asker.scores(X[:39])
    assert contender.seen == [16, 16, 8]
    contender.seen.clear()
    asker.value_and_grad(X[:7], lambda scores, index: scores[:, 0], "exact", None, 5)
    assert contender.seen == [16, 16, 8]  # three points of five draws each, padded by one; then one point


def test_unless_told_otherwise_calls_have_sizes_that_products_of_matrices_treat_alike():
    contender = Sizes()
    Asker(contender, 2, CPU).scores(X.repeat(4, 1)[:129])
    assert contender.seen == [128, 16]


def test_text_is_padded_too():
    contender = TextContender()
    meter = Metered(contender)
    texts = ("good", "bad", "good good bad")
    assert Asker(meter, 2, CPU).labels(texts).tolist() == [1, 0, 1]
    assert meter.rows == 3


def test_noise_is_handed_only_to_contenders_that_are_random():
    class Nosy(LinearContender):
        def scores(self, x, *, noise=None):
            assert noise is None
            return super().scores(x)

    Asker(Nosy(), 2, CPU).scores(X, SEEDS)


def test_the_mean_over_draws_is_of_probabilities():
    class Two(LinearContender):
        """Says 0 or log 3 for class 1, in turn: probabilities 1/2 and 3/4."""

        def scores(self, x, *, noise=None):
            odds = torch.where(torch.arange(len(x)) % 2 == 1, torch.tensor(3.0).log(), torch.tensor(0.0))
            return torch.stack([torch.zeros(len(x)), odds], dim=1) + 0 * x.sum(dim=1, keepdim=True)

    value, _ = Asker(Two(), 2, CPU).value_and_grad(
        X[:3], lambda scores, index: scores[:, 1].exp(), "exact", None, 2
    )  # fmt: skip
    assert value.tolist() == pytest.approx([0.625] * 3)


class Cramped(LinearContender):
    """Runs out of memory above so many rows."""

    def __init__(self, room):
        super().__init__()
        self.room, self.seen = room, []

    def scores(self, x, *, noise=None):
        if len(x) > self.room:
            raise torch.OutOfMemoryError("out of memory")
        self.seen.append(len(x))
        return super().scores(x)


def all_answers(contender, n, exact=True):
    """Labels, scores and gradients of n points; and what the meter and the contender counted."""
    meter = Metered(shaped(contender, 32, 4))
    asker = Asker(meter, 2, CPU, exact)
    value, grad = asker.value_and_grad(X[:n], lambda scores, index: scores[:, 1] * index, "exact")
    return (asker.labels(X[:n]), asker.scores(X[:n]), value, grad), (meter.rows, meter.gradients)


@pytest.mark.parametrize("room", [4, 7, 8, 20, 31])
@pytest.mark.parametrize("n", [1, 5, 16, 39])
def test_chunks_are_halved_where_memory_lacks_and_nothing_else_changes(room, n):
    whole, counts = all_answers(LinearContender(), n)
    parts, counted = all_answers(Cramped(room), n)
    assert counted == counts == (3 * n, n)
    for one, other in zip(whole, parts, strict=True):
        assert torch.equal(one, other)


def test_later_chunks_are_small_at_once_and_multiples_of_the_padding():
    contender = shaped(Cramped(9), 32, 4)
    asker = Asker(contender, 2, CPU)
    asker.scores(X[:32])
    assert contender.seen == [8, 8, 8, 8]
    contender.seen.clear()
    asker.scores(X[:20])
    assert contender.seen == [8, 8, 4]


@pytest.mark.parametrize(
    ("room", "exact", "told"),
    [
        (3, True, "contender: 4 points at once must fit into the memory of cpu, got out of memory. Use a device"),
        (16, False, "contender: 32 points at once must fit .* Its rows depend on their chunk, which cannot be made"),
    ],
)
def test_memory_for_less_than_can_be_asked_at_once_is_an_error(room, exact, told):
    with pytest.raises(ContestError, match=told):
        all_answers(Cramped(room), 32, exact)


def test_under_noise_each_row_keeps_its_draws():
    class CrampedNoise(NoisyContender):
        def scores(self, x, *, noise=None):
            if len(x) > 8:
                raise torch.OutOfMemoryError("out of memory")
            return super().scores(x, noise=noise)

    def answers(contender):
        asker = Asker(Metered(shaped(contender, 32, 4)), 2, CPU)
        loss = lambda scores, index: scores[:, 1]  # noqa: E731
        return asker.scores(X, SEEDS), *asker.value_and_grad(X[:9], loss, "exact", list(range(27)), 3)

    for one, other in zip(answers(NoisyContender()), answers(CrampedNoise()), strict=True):
        assert torch.equal(one, other)
