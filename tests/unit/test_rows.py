"""Index work on the rows of a call, against the plain rules."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from advbench.arena.rows import blocks, first_per_row, outside, rank_within_row, take

ROWS = st.lists(st.integers(0, 4), max_size=20)
ORDERS = (list, sorted, lambda rows: sorted(set(rows)))  # as they come; points of a row together; each row once


@given(rows=ROWS, order=st.sampled_from(ORDERS))
def test_the_rank_counts_the_earlier_points_of_the_row(rows, order):
    rows = order(rows)
    ranks = np.zeros(len(rows), np.int64) + rank_within_row(np.array(rows, np.int64))
    assert ranks.tolist() == [rows[:m].count(row) for m, row in enumerate(rows)]


@given(rows=ROWS, order=st.sampled_from(ORDERS), keys=st.lists(st.integers(0, 3), min_size=20, max_size=20))
def test_the_first_of_a_row_is_its_smallest_and_of_equals_the_earliest(rows, order, keys):
    rows = order(rows)
    firsts = first_per_row(np.array(rows, np.int64), np.array(keys[: len(rows)], float), 5)
    assert firsts.tolist() == [
        min((m for m, other in enumerate(rows) if other == row), key=lambda m: (keys[m], m))
        for row in sorted(set(rows))
    ]


@pytest.mark.parametrize(
    ("rows", "wrong"), [([], False), ([0, 2], False), ([3], True), ([2, -1, 0], True), ([-(2**63)], True)]
)
def test_rows_outside_are_those_below_zero_or_from_n_on(rows, wrong):
    assert outside(np.array(rows, np.int64), 3) is wrong


@given(n=st.integers(0, 30), size=st.integers(2, 9))
def test_blocks_are_all_of_it_in_order_and_none_is_smaller_than_asked(n, size):
    parts = blocks(np.arange(n), size)
    assert np.concatenate(parts).tolist() == list(range(n))
    assert all(size <= len(part) < 2 * size for part in parts) or len(parts) == 1


def test_texts_are_taken_as_points_are():
    at = np.array([2, 0, 2])
    assert take(("a", "b", "c"), at) == take(["a", "b", "c"], at) == ("c", "a", "c")
    assert take(torch.tensor([[1.0], [2.0], [3.0]]), at).tolist() == [[3.0], [1.0], [3.0]]
