"""The real resources, where they were fetched."""

import pytest

from advbench import DataAbsent
from advbench_textfooler.resources import neighbours, synonyms, tagger
from advbench_textfooler.textfooler import TextFooler


@pytest.fixture(autouse=True)
def fetched():
    try:
        TextFooler(sentence=None).supply().open()
    except DataAbsent:
        pytest.skip("run: advbench data fetch textfooler:sentence=none")


def test_synonyms_of_film_are_its_nearest_words():
    table = neighbours(TextFooler(sentence=None).supply())
    assert [word for word, _ in table.near("film", 2, 0.5)] == ["movie", "cinema"]
    assert "movie" in synonyms().near("film", "NOUN")


def test_the_tagger_knows_verbs_from_nouns():
    words = ["He", "walks", "the", "walk", "."]
    assert tagger().tagged(words) == ["PRP", "VBZ", "DT", "NN", "."]
