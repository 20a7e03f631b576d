"""Texts are cut into pieces as BERT's authors describe it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advbench_text.wordpiece import WordPiece, split

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "good", "un", "##believ", "##able", "film", "##s", ",", "!", "影", "cafe"]
TOKENS = WordPiece({piece: number for number, piece in enumerate(PIECES)})


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", []),
        ("Good films!", ["good", "film", "##s", "!"]),
        ("unbelievable", ["un", "##believ", "##able"]),
        ("unknown", ["[UNK]"]),
        ("café, CAFE\u0301", ["cafe", ",", "cafe"]),
        ("good影film", ["good", "影", "film"]),
        ("go\x00od\u200b\ud800", ["good"]),
        ("good\r\n\tgood\u3000good", ["good"] * 3),
        ("x" * 101, ["[UNK]"]),
    ],
)
def test_known_texts(text, pieces):
    assert TOKENS(text, 128) == [2, *(PIECES.index(piece) for piece in pieces), 3]


def test_a_sigma_at_the_end_of_a_word_is_a_sigma():
    assert split("ΑΣ ΣΑ") == ["ας".replace("ς", "σ"), "σα"]


@given(st.text(), st.integers(3, 20))
def test_every_text_has_its_ends_and_no_more_than_allowed(text, most):
    numbers = TOKENS(text, most)
    assert numbers[0] == 2
    assert numbers[-1] == 3
    assert 2 <= len(numbers) <= most
    assert numbers[:-1] == TOKENS(text, 10_000)[: len(numbers) - 1]
