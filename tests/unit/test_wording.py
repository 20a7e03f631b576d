"""Splitting a text into words and joining it again changes nothing, whatever the text is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advbench import Wording

# Letters of several scripts, marks, digits, all kinds of white space, quotes, emoji, controls, a lone surrogate.
ALPHABET = "abZé\u0301ß中電אעक्षि9_ \t\n\r\u00a0\u2028.,!?'’-–\"\U0001f600\U0001f3fd\u200d\x00\x1b\u202e\ud800"
ANY = st.one_of(st.text(), st.text(alphabet=ALPHABET))


@given(ANY)
def test_joined_again_it_is_the_same_text(text):
    wording = Wording.of(text)
    assert wording.text == text
    assert len(wording.gaps) == len(wording.words) + 1 == len(wording) + 1
    assert all(wording.words)
    assert all(wording.gaps[1:-1])  # between two words there is something


@given(ANY)
def test_no_word_holds_white_space_and_each_is_one_word(text):
    for word in Wording.of(text).words:
        assert not any(c.isspace() for c in word)
        assert Wording.of(word) == Wording((word,), ("", ""))


@given(ANY, ANY)
def test_cutting_at_white_space_cuts_no_word(left, right):
    assert Wording.of(f"{left} {right}").words == Wording.of(left).words + Wording.of(right).words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ()),
        ("!?", ()),
        ("Don't stop", ("Don't", "stop")),
        ("a well-made, co-op's film--really", ("a", "well-made", "co-op's", "film", "really")),
        ("'quoted' 'n' rock", ("quoted", "n", "rock")),
        ("it\u2019s caf\u00e9 nai\u0308ve", ("it\u2019s", "caf\u00e9", "nai\u0308ve")),
        ("snake_case 3.5% x2", ("snake", "case", "3", "5", "x2")),
        ("good\U0001f600bad", ("good", "bad")),
        ("one\x00two", ("one", "two")),
        ("हिन्दी में", ("हिन्दी", "में")),
    ],
)
def test_known_texts(text, words):
    assert Wording.of(text).words == words


@given(ANY, st.integers(0), ANY)
def test_replacing_a_word_moves_nothing_else(text, at, word):
    wording = Wording.of(text)
    if not len(wording):
        return
    at %= len(wording)
    other = wording.replaced(at, word)
    assert other.gaps == wording.gaps
    assert other.words == (*wording.words[:at], word, *wording.words[at + 1 :])
    assert other.replaced(at, wording.words[at]).text == text


@pytest.mark.parametrize(
    ("text", "at", "left"),
    [
        ("a good film", 0, "good film"),
        ("a good film", 1, "a film"),
        ("a good film", 2, "a good"),
        ("a good film", -1, "a good"),
        ("a good, long film.", 1, "a , long film."),
        ("a film .", 1, "a ."),
        ("(good) film", 0, "() film"),
        ("good", 0, ""),
    ],
)
def test_leaving_a_word_out_takes_one_space_along(text, at, left):
    assert Wording.of(text).without(at).text == left


@given(ANY)
def test_leaving_any_word_out_leaves_all_others(text):
    wording = Wording.of(text)
    for at in range(len(wording)):
        assert wording.without(at).words == (*wording.words[:at], *wording.words[at + 1 :])
        assert len(wording.without(at).gaps) == len(wording)


@pytest.mark.parametrize("at", [2, -3])
def test_a_word_that_is_not_there_is_an_error(at):
    with pytest.raises(IndexError, match="of 2"):
        Wording.of("two words").replaced(at, "x")
