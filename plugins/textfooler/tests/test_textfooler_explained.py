"""The walk in words: what `run --trace-example` shows of a document, and that telling changes nothing."""

import pytest
import torch
from textfooler_case import LONG, WEIGHTS, BagContender, LetterEncoder, fight

from advbench import Streams
from advbench_textfooler.steps import Candidate, Step, in_words
from advbench_textfooler.textfooler import TextFooler


class Telling:
    """The attack through `explain`, with the lines that it says."""

    def __init__(self, attack):
        self.attack, self.lines = attack, []

    def perturb(self, oracle, x, rng: Streams):
        return self.attack.explain(oracle, x, rng, self.lines.append)


@pytest.mark.parametrize("preset", ["paper", "released", "textattack"])
def test_every_word_and_every_candidate_has_its_line(preset):
    contender, attack, steps = BagContender(WEIGHTS, -0.7), TextFooler(preset=preset, sentence=LetterEncoder()), []
    told = Telling(attack)
    outcome = fight(told, contender, [LONG])
    quiet = fight(attack, contender, [LONG], explain={0: steps})
    assert outcome.examples == quiet.examples
    (row,) = outcome.examples
    assert told.lines[0] == f"text: {LONG}"
    assert (row["verdict"] == "broken") == told.lines[-1].startswith("becomes: ")
    if row["verdict"] == "broken":
        assert told.lines.pop() == f"becomes: {outcome.texts['100'][1]}"
    assert told.lines[1:] == [line for step in steps for line in in_words(step)]
    assert len(told.lines) == 1 + len(steps) + sum(len(step.candidates) for step in steps)


def test_what_was_never_found_out_is_left_empty():
    found = [Candidate("movie", 0.9, similarity=0.5, chance=0.25, fate="chosen"), Candidate("reel", 0.5)]
    assert list(in_words(Step(3, "film", 0.125, 0.75, tuple(found)))) == [
        "word 4 'film', importance 0.1250: the true class has 0.7500; 2 candidates",
        "  movie  cosine 0.900  similarity 0.500  true class 0.2500  chosen",
        "  reel   cosine 0.500  similarity        true class         no better",
    ]
    (line, _) = in_words(Step(0, "film", 0.0, 0.5, (Candidate("movie", 0.9),)))
    assert line.endswith("; 1 candidate")


def test_a_text_without_words_has_no_walk():
    told = Telling(TextFooler(sentence=None))
    fight(told, BagContender({}), ["..."], labels=torch.tensor([0]).tolist())
    assert told.lines == ["text: ..."]
