"""The quick edit distance is the textbook's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advbench import edits
from advbench.builtin.distances import Words
from advbench.contract.edits import _by_bits, _by_diagonals

LETTERS = st.lists(st.sampled_from("abc"), max_size=12)


def textbook(old, new):
    row = list(range(len(new) + 1))
    for i, item in enumerate(old, 1):
        corner, row[0] = row[0], i
        for j, other in enumerate(new, 1):
            corner, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, corner + (item != other))
    return row[-1]


@given(LETTERS, LETTERS)
def test_it_is_the_textbooks(old, new):
    known = textbook(old, new)
    assert edits(old, new) == edits("".join(old), "".join(new)) == edits(new, old) == known
    assert _by_diagonals(old, new, 24) == known
    assert _by_bits(old, new) == known


def test_many_edits_are_counted_too():
    old = [f"w{i}" for i in range(300)]
    new = ["x" if i % 3 == 0 else word for i, word in enumerate(old)]
    assert _by_diagonals(old, new, 24) is None
    assert edits(old, new) == 100
    assert edits(old, new[:-200]) == textbook(old, new[:-200])


@pytest.mark.parametrize(("old", "new", "size"), [("", "", 0), ("", "ab", 2), ("ab", "", 2), ("a b", "a c", 1)])
def test_ends(old, new, size):
    assert edits(old, new) == size


def test_a_page_is_measured_at_once():
    page = " ".join(f"word{i}" for i in range(10_000))
    changed = page.replace("word77 ", "other ").replace("word9000 ", "")
    found = Words()((page,), (changed,))
    assert found.tolist() == [2 / 10_000]
