"""PWWS and the two controls."""

import math

import numpy as np
import pytest
from textfooler_case import GROUPS, LONG, WEIGHTS, BagContender, fight

from advbench import Wording
from advbench_textfooler.pwws import Pwws
from advbench_textfooler.resources import neighbours, synonyms
from advbench_textfooler.stop_words import STOP_WORDS
from advbench_textfooler.text_random import TextRandom
from advbench_textfooler.word_deletion import WordDeletion


def changed(outcome, name="100"):
    before, after = (Wording.of(text) for text in outcome.texts[name])
    return [(old, new) for old, new in zip(before.words, after.words, strict=True) if old != new]


def test_pwws_replaces_by_synonyms_and_flips():
    contender = BagContender(WEIGHTS, -0.7)
    outcome = fight(Pwws(), contender, [LONG])
    assert outcome.examples[0]["verdict"] == "broken"
    for old, new in changed(outcome):
        assert any({old.lower(), new.lower()} <= set(line.split()) for lines in GROUPS.values() for line in lines)


def test_pwws_asks_one_and_the_words_and_all_synonyms_and_the_replacements():
    contender = BagContender(WEIGHTS, -0.7)
    outcome = fight(Pwws(), contender, [LONG])
    near = synonyms()
    # The tiny WordNet lists each word under one part of speech, and the tagger knows these words.
    count = sum(
        len(near.near(word, tag))
        for word in Wording.of(LONG).words
        for tag in ("NOUN", "VERB", "ADJ", "ADV")
        if word.lower() not in ("score", "sound")
    )
    assert outcome.examples[0]["queries"] == 1 + len(Wording.of(LONG)) + count + len(changed(outcome))


def test_pwws_orders_by_saliency_times_gain():
    """good is salient but its synonyms gain nothing; film is less so, and its synonym gains."""
    weights = {"good": 1.0, "fine": 1.0, "nice": 1.0, "great": 1.0, "superb": 1.0, "film": 0.75, "movie": 0.0,
               "picture": 0.75, "flick": 0.75}  # fmt: skip
    contender = BagContender(weights, -1.5)
    outcome = fight(Pwws(), contender, ["a good film"])
    assert changed(outcome) == [("film", "movie")]
    saliency = np.array([0.0, contender.chance("a good film", 1) - contender.chance("a film", 1),
                         contender.chance("a good film", 1) - contender.chance("a good", 1)])  # fmt: skip
    assert saliency.argmax() == 1


def test_random_replaces_content_words_by_neighbours_one_query_each():
    attack = TextRandom()
    outcome = fight(attack, BagContender(WEIGHTS, -0.7), [LONG])
    row, table = outcome.examples[0], neighbours(attack.supply())
    assert row["verdict"] == "broken"
    assert len(changed(outcome)) == row["queries"]
    for old, new in changed(outcome):
        assert old.lower() not in STOP_WORDS
        assert new.lower() in dict(table.near(old, 50, 0.5))


def test_deletion_leaves_out_the_most_important_words():
    contender = BagContender({"good": 1.0, "film": 0.5}, -0.25)
    outcome = fight(WordDeletion(), contender, ["a good long film"])
    assert outcome.texts["100"][1] == "a long"
    assert outcome.examples[0]["queries"] == 1 + 4 + 2
    assert math.isclose(outcome.examples[0]["words"], 0.5)


@pytest.mark.parametrize("attack", [Pwws(), TextRandom(), WordDeletion()], ids=lambda one: type(one).__name__)
def test_budgets_end_them(attack):
    for budget in (0, 1, 5, 27):
        outcome = fight(attack, BagContender(WEIGHTS, 3.0), [LONG, "a good film"], budget=budget)
        assert max(row["queries"] for row in outcome.examples) <= budget
