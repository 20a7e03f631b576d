"""Whatever a text holds, and whatever words it is made of."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from textfooler_case import WEIGHTS, BagContender, LetterEncoder, fight

from advbench import Wording
from advbench_textfooler.drafts import Draft, blanked, deletions, like, portions, window
from advbench_textfooler.likeness import Likeness
from advbench_textfooler.pwws import Pwws
from advbench_textfooler.text_random import TextRandom
from advbench_textfooler.textfooler import TextFooler
from advbench_textfooler.word_deletion import WordDeletion

ODD = (
    "", "   ", "!!", "good", "the", "the of and", "😀 good 😀 film", "good\x00film\x07 \x1b[31mlove", "фильм хороший",
    "素晴らしい映画", "zzxqy good", "good\u200bfilm", "GOOD Film", "good-film's", "1999 2000", "ﬁne naïve café",
)  # fmt: skip
ATTACKS = (
    TextFooler(sentence=LetterEncoder()), TextFooler(preset="paper", sentence=LetterEncoder()),
    TextFooler(preset="textattack", sentence=None), TextRandom(), WordDeletion(), Pwws(),
)  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda one: type(one).__name__)
def test_odd_texts_are_attacked_like_any_others(attack):
    outcome = fight(attack, BagContender(WEIGHTS, -0.1), ODD, budget=200)
    assert {row["verdict"] for row in outcome.examples} <= {"broken", "held"}
    assert all(not row["reason"] for row in outcome.examples)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda one: type(one).__name__)
def test_ten_thousand_words_end_within_the_budget(attack):
    text = "the good film " * 3334
    (row,) = fight(attack, BagContender({"good": 0.001}, -0.5), [text], budget=60).examples
    assert row["queries"] <= 60


def test_capitals_are_kept():
    outcome = fight(TextFooler(sentence=None), BagContender({"good": 1.0}, -0.5), ["GOOD", "Good", "good"])
    after = [outcome.texts[str(number)][1] for number in (100, 101, 102)]
    assert after == [after[2].upper(), after[2].title(), after[2].lower()]
    assert like("I", ["we", "us"]) == ["We", "Us"]


words = st.text(alphabet=" ab.,'-\n", max_size=30)


@settings(max_examples=100, deadline=None)
@given(words)
def test_texts_around_a_word_are_those_of_the_contract(text):
    draft = Wording.of(text)
    assert list(deletions(draft)) == [draft.without(at).text for at in range(len(draft))]
    assert list(blanked(draft, "<oov>")) == [draft.replaced(at, "<oov>").text for at in range(len(draft))]


@settings(max_examples=100, deadline=None)
@given(words, st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["x", "xyz", "two words", "it's"])), max_size=5))
def test_a_draft_is_the_wording_with_its_words_replaced(text, changes):
    wording = Wording.of(text)
    draft = Draft(wording)
    for place, word in changes if len(wording) else []:
        at = place % len(wording)
        before, after = draft.around(at)
        wording = wording.replaced(at, word)
        assert before + word + after == wording.text
        draft.replace(at, word)
        assert (draft.text, draft.words) == (wording.text, list(wording.words))


def test_windows_are_of_fifteen_words_where_there_are_as_many():
    for words_ in (1, 2, 7, 8, 14, 15, 16, 22, 30):
        for at in range(words_):
            start, stop = window(at, words_)
            assert 0 <= start <= at < stop <= words_
            assert stop - start == min(15, words_)
    assert window(7, 30) == (0, 15)
    assert window(8, 30) == (1, 16)
    assert window(6, 30) == (0, 15)
    assert window(22, 30) == (15, 30)
    assert window(23, 30) == (15, 30)
    assert window(8, 10) == (0, 10)  # the released code begins at word -5 here


def test_a_window_is_what_stands_in_the_text():
    draft = Draft(Wording.of("(One, two; three. four)"))
    assert draft.window(1, 15) == ("One, ", "; three. four")
    assert draft.window(1, 3) == ("One, ", "; three")
    assert draft.window(0, 1) == ("", "")
    draft.replace(0, "Ninety-one")
    assert draft.window(2, 3) == ("two; ", ". four")


def test_likeness_is_the_cosine_of_each_pair_and_every_text_is_encoded_once():
    vectors, calls = {"a": [3.0, 4.0], "b": [4.0, 3.0], "c": [-3.0, -4.0], "nothing": [0.0, 0.0]}, []

    def encode(texts):
        calls.extend(texts)
        return torch.tensor([vectors[text] for text in texts])

    likeness = Likeness(encode)
    first, second, third = likeness.cosines(["a", "b", "nothing"], [["b", "c"], ["b"], ["a", "nothing"]])
    assert (first.tolist(), second.tolist(), third.tolist()) == ([0.96, -1.0], [1.0], [0.0, 0.0])
    (again,) = likeness.cosines(["a"], [["b"]])
    assert again.tolist() == [0.96]
    assert sorted(calls) == ["a", "b", "c", "nothing"]


def test_portions_keep_order_and_stay_small():
    texts = [str(number) for number in range(1000)]
    assert [text for some in portions(texts) for text in some] == texts
    assert max(len(some) for some in portions(texts)) <= 256
    large = ["x" * 1_500_000] * 3
    assert [len(some) for some in portions(large)] == [1, 1, 1]
