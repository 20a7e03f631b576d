"""Our arithmetic on scikit-learn's weights gives scikit-learn's answers."""

import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from advbench import ContestError, Examples
from advbench_baselines.layers import Scaled
from advbench_baselines.sk_mlp import SkMlp

sys.path.insert(0, str(Path(__file__).resolve().parent))
from baselines_case import Seeds, blobs, job


def theirs(given, votes, epochs=40, **more):
    x, y = given.train.x.flatten(1).numpy(), given.train.y.numpy()
    settings = {"activation": "logistic", "solver": "sgd", "learning_rate_init": 0.01, "batch_size": len(y), **more}
    for vote in range(votes):
        seed = Seeds(0).child("vote", vote).seed() % 2**32
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            yield MLPClassifier((20,), max_iter=epochs, random_state=seed, **settings).fit(x, y)


@pytest.mark.parametrize("classes", [2, 3])
def test_soft_votes_are_mean_probabilities(classes):
    given = job(classes)
    contender = SkMlp(votes=3, epochs=40).fit(given)
    x = given.tune.x.flatten(1).numpy()
    expected = np.mean([one.predict_proba(x) for one in theirs(given, 3)], axis=0)
    np.testing.assert_allclose(contender.scores(given.tune.x).exp().numpy(), expected, rtol=1e-4)
    assert (contender.labels(given.tune.x).numpy() == expected.argmax(axis=1)).all()


@pytest.mark.parametrize("classes", [2, 3])
def test_hard_votes_are_counted(classes):
    given = job(classes)
    contender = SkMlp(votes=3, vote="hard", epochs=40).fit(given)
    x = given.tune.x.flatten(1).numpy()
    winners = np.stack([one.predict(x) for one in theirs(given, 3)])
    counts = np.stack([(winners == label).sum(axis=0) for label in range(classes)], axis=1)
    expected = np.log((counts + 0.5) / (3 + classes / 2))
    np.testing.assert_allclose(contender.scores(given.tune.x).numpy(), expected, rtol=1e-5)
    assert contender.facts.gradients == ("surrogate/mean-probability",)


@pytest.mark.parametrize("present", [(0, 2), (1, 2), (0, 1)])
def test_a_class_without_examples_is_never_chosen(present):
    contender = SkMlp(epochs=5).fit(job(3, train=blobs(120, 3, labels=present)))
    assert set(contender.labels(blobs(60, 3, seed=2).x).tolist()) <= set(present)


def test_what_it_says_while_it_trains():
    rows, bars = [], []
    SkMlp(votes=2, epochs=7).fit(job(log=rows.append, progress=lambda done, total: bars.append((done, total))))
    assert bars == [(1, 2), (2, 2)]
    assert [row["epoch"] for row in rows] == list(range(14))
    assert rows[6]["loss"] < rows[0]["loss"]
    with pytest.raises(ContestError, match="deadline, got 0 of 2 networks"):
        SkMlp(votes=2).fit(job(deadline=0.0))


def test_other_layouts_answer_as_well():
    given = job()
    contender = SkMlp(hidden=(12, 8), activation="tanh", solver="adam", epochs=60).fit(given)
    assert float((contender.labels(given.tune.x) == given.tune.y).float().mean()) > 0.6
    assert SkMlp(hidden=()).build(given)(given.tune.x).shape == (30, 3)
    assert torch.equal(contender.scores(given.tune.x), SkMlp(
        hidden=(12, 8), activation="tanh", solver="adam"
    ).restore(contender.state(), given).scores(given.tune.x))  # fmt: skip


def test_it_learns_from_inputs_that_fill_little_of_their_bounds(monkeypatch):
    moves = torch.randn(400, 10, generator=torch.Generator().manual_seed(0))
    examples = Examples(torch.arange(400), 0.6 + 0.01 * moves, (moves.sum(dim=1) > 0).long())
    one = Examples(examples.ids[:1], examples.x[:1], examples.y[:1])
    given = job(2, (10,), train=examples, tune=examples)

    def right():
        contender = SkMlp().fit(given)
        again = SkMlp().restore(contender.state(), replace(given, train=one))
        assert torch.equal(again.scores(examples.x), contender.scores(examples.x))
        return float((contender.labels(examples.x) == examples.y).float().mean())

    assert right() > 0.9
    monkeypatch.setattr("advbench_baselines.sk_mlp.scaled", lambda facts: Scaled(facts.bounds))
    assert right() < 0.7  # the loss stands still from the start, and training ends


def test_weights_that_overflow_are_told_with_what_to_lower():
    with pytest.raises(ContestError, match=r"must stay finite .* Lower learning_rate \(now 1e\+100\)"):
        SkMlp(learning_rate=1e100, activation="relu").fit(job())
