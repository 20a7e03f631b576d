"""Models that read texts are trained on notes and held to the rules of all contenders; each text cheat is caught."""

from dataclasses import dataclass

import pytest
import torch
from cheating import anew, finding, subject_of

from advbench import Access, ContenderFacts, Modality, ModelSpec, State
from advbench.testing.checks import checks_for

FACTS = ContenderFacts(access=Access.SCORES)
WORDS = ["good", "great", "wonderful", "fine", "bad", "awful", "poor", "boring", "long", "slow", "quiet", "old"]


class Counter:
    """Scores: how many words of each class a text holds, by what training texts said."""

    facts = FACTS

    def __init__(self, weights):
        self.weights = weights

    def labels(self, x, *, noise=None):
        return self.scores(x).argmax(dim=1)

    def scores(self, x, *, noise=None):
        counts = torch.tensor([[float(text.split().count(word)) for word in WORDS] for text in x])
        return (counts.reshape(len(x), len(WORDS))[:, :, None] * self.weights).sum(dim=1)

    def state(self):
        return State({"weights": self.weights})


@dataclass(frozen=True)
class Honest:
    """Counts in which class's texts each word stands."""

    def facts(self):
        return FACTS

    def build(self, job):
        return None

    def fit(self, job):
        weights = torch.zeros(len(WORDS), job.facts.classes)
        for text, label in zip(job.train.x, job.train.y.tolist(), strict=True):
            for word in set(text.split()) & set(WORDS):
                weights[WORDS.index(word), label] += 1
        return self.over(weights)

    def restore(self, state, job):
        return self.over(state.arrays["weights"])

    def over(self, weights):
        return Counter(weights)


class Mean(Counter):
    def scores(self, x, *, noise=None):
        words = torch.tensor([float(len(text.split())) for text in x])
        return super().scores(x) / words[:, None]


class Centred(Counter):
    def scores(self, x, *, noise=None):
        found = super().scores(x)
        return found - found.mean(dim=0, keepdim=True)


class Short(Counter):
    def scores(self, x, *, noise=None):
        return super().scores(tuple(text for text in x if len(text) < 1000))


class Deaf(Counter):
    def scores(self, x, *, noise=None):
        return super().scores(("",) * len(x))


class Reader(Counter):
    def scores(self, x, *, noise=None):
        torch.rand(1)
        return super().scores(x)


CAUGHT = [
    ("points_at_the_bounds_are_answered", Mean, "odd texts get scores that are not finite"),
    ("points_at_the_bounds_are_answered", Short, "rows are torch.int64"),
    ("rows_are_exact", Centred, "rows by up to"),
    ("clean_accuracy_is_above_chance", Deaf, "of text inputs it is right in"),
    ("no_global_state_is_moved", Reader, "Answering, it moved the global generator of torch"),
]


def model_of(contender):
    class Own(Honest):
        """Over another contender."""

        def over(self, weights):
            return contender(weights)

    spec = ModelSpec(name="cheat", summary="breaks one rule", modalities=frozenset({Modality.TEXT}))
    return subject_of("model", anew(Own), spec)


def checks(subject):
    return {check.__name__.removeprefix("check_"): check for check in checks_for(subject)}


@pytest.mark.parametrize(("check", "cheat", "told"), CAUGHT, ids=[f"{name}-{cls.__name__}" for name, cls, _ in CAUGHT])
def test_a_cheat_is_caught_by_its_check(check, cheat, told):
    subject = model_of(cheat)
    found = finding(subject, checks(subject)[check])
    assert found.outcome == "failed", found
    assert told in found.text


def test_an_honest_model_of_texts_breaks_no_rule():
    subject = model_of(Counter)
    found = {name: finding(subject, check) for name, check in checks(subject).items()}
    assert not [str(one) for one in found.values() if one.outcome == "failed"]
    assert found["clean_accuracy_is_above_chance"].outcome == "passed"
    assert found["rows_are_exact"].outcome == "passed"
