"""TextFooler on toys whose answers can be computed by hand: what it asks, what it chooses, what it may choose."""

import math

import numpy as np
import pytest
from textfooler_case import LONG, WEIGHTS, BagContender, LetterEncoder, fight

from advbench import Wording
from advbench_textfooler.resources import neighbours, tagger
from advbench_textfooler.settings import PRESETS, measured
from advbench_textfooler.stop_words import STOP_WORDS
from advbench_textfooler.tagger import tokens_of
from advbench_textfooler.tags import may_stand_for, universal
from advbench_textfooler.textfooler import TextFooler

VERSIONS = ("paper", "released", "textattack")
SHORT = "A good film that I love."
TEXTS = (
    LONG,
    SHORT,
    "Good story, great actor!",
    f"{SHORT} {LONG}",
    "I hate the long film and its poor score, truly bad.",
)


def attack(preset="released", **settings):
    return TextFooler(preset=preset, sentence=LetterEncoder(), **settings)


def broken(preset, texts=TEXTS, bias=-0.7):
    logs = {row: [] for row in range(len(texts))}
    contender = BagContender(WEIGHTS, bias)
    outcome = fight(attack(preset), contender, texts, explain=logs)
    rows = [(texts[row["example_id"] - 100], outcome.texts[str(row["example_id"])][1], logs[row["example_id"] - 100])
            for row in outcome.examples if row["verdict"] == "broken"]  # fmt: skip
    assert rows
    return contender, outcome, rows


@pytest.mark.parametrize("preset", VERSIONS)
def test_every_success_flips_when_asked_again(preset):
    contender, _, rows = broken(preset)
    for before, after, _ in rows:
        assert contender.labels((before,)) != contender.labels((after,))


@pytest.mark.parametrize("preset", VERSIONS)
def test_replaced_words_obey_the_version(preset):
    settings, table, speech = PRESETS[preset], neighbours(attack().supply()), tagger()
    _, _, rows = broken(preset)
    for before, after, _ in rows:
        old, new = Wording.of(before), Wording.of(after)
        assert len(old) == len(new)
        assert old.gaps == new.gaps
        tags = speech.tagged(tokens_of(old)[0])
        changed = [at for at in range(len(old)) if old.words[at] != new.words[at]]
        assert changed
        for at in changed:
            word, other = old.words[at].lower(), new.words[at].lower()
            assert word not in STOP_WORDS
            assert other in dict(table.near(word, 50, settings.cosine))
            was = universal(tags[tokens_of(old)[1][at]])
            # All words but these two have one tag each, wherever they stand, so that no window matters.
            assert {word, other} & {"score", "sound"} or may_stand_for(
                universal(speech.tagged([new.words[at]])[0]), was
            )


def test_queries_are_one_and_the_words_and_all_candidates():
    texts = TEXTS
    logs = {row: [] for row in range(len(texts))}
    outcome = fight(attack(), BagContender(WEIGHTS, -0.7), texts, explain=logs)
    assert sum(len(log) for log in logs.values()) >= 5
    for row, text in enumerate(texts):
        candidates = sum(len(step.candidates) for step in logs[row])
        assert outcome.examples[row]["queries"] == 1 + len(Wording.of(text)) + candidates


@pytest.mark.parametrize("preset", ["paper", "textattack"])
def test_where_tests_come_first_only_passing_candidates_are_queries(preset):
    logs = {row: [] for row in range(len(TEXTS))}
    outcome = fight(attack(preset), BagContender(WEIGHTS, -0.7), TEXTS, explain=logs)
    refused = 0
    for row, text in enumerate(TEXTS):
        candidates = [one for step in logs[row] for one in step.candidates]
        asked = [one for one in candidates if one.chance is not None]
        refused += len(candidates) - len(asked)
        assert outcome.examples[row]["queries"] == 1 + len(Wording.of(text)) + len(asked)
        assert all(one.fate in ("wrong part of speech", "too different") for one in candidates if one not in asked)
    assert refused


def test_importance_on_a_bag_of_words_has_a_closed_form():
    contender, log = BagContender(WEIGHTS, -0.7), []
    fight(attack("textattack"), contender, [LONG], explain={0: log})
    for step in log:
        weight = WEIGHTS.get(step.word.lower(), 0.0)
        value = contender.value(LONG)
        gone = 1 / (1 + math.exp(-(value - weight)))
        assert step.importance == pytest.approx(1 / (1 + math.exp(-value)) - gone, abs=1e-6)


def test_importance_counts_the_other_class_where_the_label_changes():
    contender, log = BagContender({"good": 1.0}, -0.25), []
    fight(attack("paper", cosine=0.5), contender, ["The good film"], explain={0: log})
    flipped = 1 / (1 + math.exp(0.25))
    before = 1 / (1 + math.exp(-0.75))
    assert log[0].word == "good"
    assert log[0].importance == pytest.approx((before - flipped) + ((1 - flipped) - (1 - before)), abs=1e-6)


@pytest.mark.parametrize("preset", VERSIONS)
def test_of_the_candidates_that_flip_the_most_similar_is_taken(preset):
    _, _, rows = broken(preset)
    several = 0
    for _, after, log in rows:
        last = log[-1]
        flipping = [one for one in last.candidates if one.met and one.fate in ("broke it", "broke it too")]
        several += len(flipping) > 1
        chosen = next(one for one in flipping if one.fate == "broke it")
        assert chosen.text == after
        if chosen.similarity is not None:
            assert all(chosen.similarity >= one.similarity for one in flipping)
    assert several


@pytest.mark.parametrize("preset", VERSIONS)
def test_what_does_not_flip_is_replaced_by_what_hurts_most(preset):
    steps = [step for _, _, log in broken(preset)[2] for step in log[:-1]]
    chosen = [(step, one) for step in steps for one in step.candidates if one.fate == "chosen"]
    assert chosen
    for step, one in chosen:
        others = [other.chance for other in step.candidates if other.fate in ("better", "no better")]
        assert all(one.chance <= other for other in others)


def test_the_next_word_is_tried_on_the_text_that_the_last_one_left():
    log = next(log for _, _, log in broken("released")[2] if len(log) > 1)
    chosen = next(one for one in log[0].candidates if one.fate == "chosen")
    assert chosen.word in Wording.of(log[1].candidates[0].text).words
    assert log[1].chance == chosen.chance


def test_short_texts_have_a_threshold_of_their_own():
    least = PRESETS["released"].least
    assert (least(14), least(15)) == (0.1, 0.5)
    assert PRESETS["paper"].least(3) == 0.7
    words = ["film", "good"] + ["the"] * 12
    fourteen, fifteen = (" ".join([*words, *["the"] * more]) for more in (0, 1))
    logs = {0: [], 1: []}
    contender = BagContender({"film": 1.0, "movie": -1.0, "picture": -1.0, "flick": -1.0}, -0.5)
    # Two letters of forty are others: about .8, which passes the rule for long texts; here .85 is asked of them.
    outcome = fight(attack(similarity=0.99), contender, [fourteen, fifteen], explain=logs)
    assert [row["verdict"] for row in outcome.examples] == ["broken", "held"]
    assert {one.fate for one in logs[1][0].candidates} == {"too different"}


def test_similarity_is_measured_as_each_version_says():
    cosines = np.array([1.0, 0.8776, 0.6216, 0.9553])
    assert measured(cosines, "cosine").tolist() == cosines.tolist()
    assert measured(cosines, "radians") == pytest.approx([1, 0.5, 0.1, 0.7], abs=2e-4)
    assert measured(cosines, "angular") == pytest.approx([1, 0.840845, 0.713521, 0.904507], abs=1e-4)


def test_importance_that_breaks_by_deleting_is_no_success():
    contender = BagContender({"zzz": 1.0}, -0.5)  # a word without neighbours
    (row,) = fight(attack(), contender, ["the zzz film"]).examples
    assert row["verdict"] == "held"
    assert row["queries"] > 4


def test_candidates_of_another_part_of_speech_break_nothing():
    contender = BagContender({"score": 1.0, "sound": -1.0, "music": 1.0}, -0.5)
    text, log = "the score is long", []
    (row,) = fight(attack("released"), contender, [text], explain={0: log}).examples
    fates = {one.word: one.fate for step in log for one in step.candidates}
    assert row["verdict"] == "broken"
    assert fates["sound"] == "broke it"
    contender = BagContender({"enjoy": 1.0, "like": -1.0}, -0.5)
    (row,) = fight(TextFooler(sentence=None, speech=False), contender, ["they enjoy it"]).examples
    assert row["verdict"] == "broken"


@pytest.mark.parametrize("budget", [0, 1, 3, 8, 20, 40])
def test_budgets_end_walks_wherever_they_are(budget):
    outcome = fight(attack(), BagContender(WEIGHTS, -0.7), TEXTS, budget=budget)
    assert max(row["queries"] for row in outcome.examples) <= budget
    free = fight(attack(), BagContender(WEIGHTS, -0.7), TEXTS).examples
    for row, other in zip(outcome.examples, free, strict=True):
        if other["queries"] <= budget:
            assert (row["verdict"], row["queries"]) == (other["verdict"], other["queries"])


def test_a_contender_that_shows_nothing_makes_rows_blind():
    outcome = fight(attack(), BagContender({}, 1.0), TEXTS)
    assert {row["stop_reason"] for row in outcome.examples} == {"blind"}
    outcome = fight(attack(), BagContender({"good": 0.001}, 1.0), [LONG])
    assert outcome.examples[0]["stop_reason"] == "done"


def test_rows_end_alike_alone_and_together():
    together = fight(attack(), BagContender(WEIGHTS, -0.7), TEXTS).examples
    for number, text in enumerate(TEXTS):
        (alone,) = fight(attack(), BagContender(WEIGHTS, -0.7), [text]).examples
        same = {key: value for key, value in alone.items() if key != "example_id"}
        assert same.items() <= together[number].items()


def test_encoder_and_contender_are_called_for_all_texts_at_once():
    calls = []

    class Counted(BagContender):
        def scores(self, x, *, noise=None):
            calls.append(len(x))
            return super().scores(x)

    fight(attack(), Counted(WEIGHTS, -0.7), TEXTS * 4)
    alone = len(calls)
    calls.clear()
    fight(attack(), Counted(WEIGHTS, -0.7), TEXTS)
    assert alone < 2 * len(calls)  # four times the texts
