"""What the judge says of changed texts, against numbers computed by hand."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from advbench.arena.resemblance import WINDOW, resemblances, windows

PAGE = " ".join(f"w{i}" for i in range(40))


def letters(texts):
    """How often a and b stand in each text."""
    return torch.tensor([[float(text.count("a")), float(text.count("b"))] for text in texts]).reshape(len(texts), 2)


def test_a_window_is_compared_by_the_cosine_of_its_vectors():
    (row,) = resemblances(("aa bb",), ("aa aa",), letters)
    assert row["edit_distance"] == 2
    assert row["similarity"] == row["similarity_min"] == pytest.approx(1 / math.sqrt(2))


def test_mean_and_smallest_are_over_all_windows_changed_or_not():
    asked = []

    def noted(texts):
        asked.extend(texts)
        return letters(texts)

    old = PAGE.replace("w20", "a")
    (row,) = resemblances((old,), (old.replace(" a ", " b "),), noted)
    assert row["similarity"] == pytest.approx(2 / 3)  # 40 words are three windows; one lost everything
    assert row["similarity_min"] == 0
    assert len(asked) == 2  # what did not change is not encoded


def test_equal_texts_are_alike_and_cost_nothing():
    (row,) = resemblances(("",), ("",), lambda texts: pytest.fail("asked"))
    assert row == {"edit_distance": 0, "similarity": 1, "similarity_min": 1}


def test_a_window_without_meaning_resembles_nothing():
    (row,) = resemblances(("xx",), ("yy",), letters)
    assert row["similarity"] == 0


def test_without_an_encoder_only_edits_are_counted():
    assert resemblances(("kitten",), ("sitting",), None) == [{"edit_distance": 3.0}]


@given(st.text(), st.text())
def test_windows_leave_nothing_out(old, new):
    pairs = windows(old, new)
    assert "".join(one for one, _ in pairs) == old
    assert "".join(other for _, other in pairs) == new


def test_windows_hold_the_same_places_and_no_more_words_than_said():
    pairs = windows(PAGE, PAGE.upper())
    assert [one.upper() for one, _ in pairs] == [other for _, other in pairs]
    assert max(len(one.split()) for one, _ in pairs) <= WINDOW
    assert len(windows(PAGE, "w0")) == 3
