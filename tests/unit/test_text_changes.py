"""What is shown of a change is the change."""

from hypothesis import given
from hypothesis import strategies as st

from advbench.report.changes import changes, shortened


@given(st.text(alphabet="ab c.\n"), st.text(alphabet="ab c.\n"))
def test_both_texts_can_be_read_off(before, after):
    found = changes(before, after)
    assert "".join(text for kind, text in found if kind != "new") == before
    assert "".join(text for kind, text in found if kind != "gone") == after


def test_only_the_changed_word_is_marked():
    assert changes("a good film.", "a bad film.") == [
        ("same", "a "), ("gone", "good"), ("new", "bad"), ("same", " film."),
    ]  # fmt: skip


def test_long_stretches_are_cut_to_what_is_near_a_change():
    page = "word " * 100
    found = shortened(changes(f"{page}good {page}", f"{page}bad {page}"))
    assert [kind for kind, _ in found] == ["same", "gone", "new", "same"]
    assert found[0][1].startswith(" … ")
    assert found[0][1].endswith("word ")
    assert all(len(text) < 80 for _, text in found)
