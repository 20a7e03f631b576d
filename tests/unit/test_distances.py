"""Distances against numbers done by hand, and the rules every one obeys."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from advbench.builtin.distances import L0, L1, L2, Linf, Words

NUMERIC = [L0(), L1(), L2(), Linf()]
POINTS = st.lists(st.integers(-64, 192), min_size=6, max_size=6).map(lambda whole: torch.tensor(whole) / 64)


def test_known_values():
    x = torch.zeros(2, 1, 2, 2)
    moved = torch.tensor([[[[3.0, 0.0], [-4.0, 0.0]]], [[[1e-7, 0.5], [0.0, 0.0]]]])
    values = {type(of).__name__: of(x, moved, 1.0).tolist() for of in NUMERIC}
    assert values["L0"] == [2.0, 1.0]
    assert values["L1"] == pytest.approx([7.0, 0.5 + 1e-7])
    assert values["L2"] == pytest.approx([5.0, 0.5])
    assert values["Linf"] == [4.0, 0.5]


def test_rounding_is_no_change_whatever_the_range():
    x = torch.zeros(1, 3)
    moved = torch.tensor([[0.9e-6, 1.1e-6, 0.0]])
    assert L0()(x, moved, 1.0).item() == 1
    assert L0()(x, moved, 255.0).item() == 0
    assert L0()(255 * x, 255 * moved, 255.0).item() == 1


@pytest.mark.parametrize("distance", NUMERIC, ids=lambda of: type(of).__name__)
@settings(max_examples=40, deadline=None)
@given(a=POINTS, b=POINTS, c=POINTS)
def test_each_is_a_metric_in_double_precision(distance, a, b, c):
    def of(x, y):
        return float(distance(x.unsqueeze(0), y.unsqueeze(0), 4.0))

    assert (of(a, b) == 0) == torch.equal(a, b)
    assert of(a, b) == of(b, a)
    assert of(a, c) <= of(a, b) + of(b, c) + 1e-12
    assert distance(a.unsqueeze(0), b.unsqueeze(0), 4.0).dtype == torch.float64


@pytest.mark.parametrize("distance", NUMERIC, ids=lambda of: type(of).__name__)
@pytest.mark.parametrize("features", [1, 5, 64, 784, 3072])
def test_a_row_does_not_depend_on_its_neighbours(distance, features):
    generator = torch.Generator().manual_seed(0)
    x, moved = torch.rand(2, 70, features, generator=generator)
    whole = distance(x, moved, 1.0)
    for size in (1, 7, 64):
        parts = [distance(x[i : i + size], moved[i : i + size], 1.0) for i in range(0, 70, size)]
        assert torch.equal(torch.cat(parts), whole)
    assert torch.equal(distance(x.flip(0), moved.flip(0), 1.0).flip(0), whole)


@pytest.mark.parametrize(
    ("old", "new", "share"),
    [
        ("a good film", "a good film", 0.0),
        ("a good film", "a bad film", 1 / 3),
        ("a good film", "good film", 1 / 3),
        ("a good film", "a very good film", 1 / 3),
        ("a good film", "film good a", 2 / 3),
        ("a good film", "", 1.0),
        ("one", "two three", 2.0),
        ("", "new", 1.0),
        ("", "", 0.0),
        ("a good film", "a  good film", 1 / 3),
        ("a good film", "a good film ", 1 / 3),
        ("a good film", "a\tgood\nfilm", 1 / 3),
        ("a good film", "a\u00a0good film", 1 / 3),
        ("a good film", " a bad film", 1 / 3),
        ("", " ", 1.0),
    ],
)
def test_words(old, new, share):
    assert Words()((old,), (new,)).tolist() == pytest.approx([share])


@settings(max_examples=100, deadline=None)
@given(old=st.text("ab \n\u00a0", max_size=6), new=st.text("ab \n\u00a0", max_size=6))
def test_only_equal_texts_are_at_distance_zero(old, new):
    assert (Words()((old,), (new,)).item() == 0) == (old == new)


@settings(max_examples=60, deadline=None)
@given(*[st.lists(st.sampled_from("abc"), max_size=6) for _ in range(2)])
def test_word_edits_are_the_fewest(old, new):
    """Against the plain recursion."""

    def edits(i, j):
        if not i or not j:
            return i + j
        return min(edits(i - 1, j) + 1, edits(i, j - 1) + 1, edits(i - 1, j - 1) + (old[i - 1] != new[j - 1]))

    share = Words()((" ".join(old),), (" ".join(new),)).item()
    assert share == pytest.approx(edits(len(old), len(new)) / max(1, len(old)))
