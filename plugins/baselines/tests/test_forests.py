"""Trees answer as scikit-learn's do, from arrays alone."""

import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.tree import DecisionTreeRegressor

from advbench import ContestError, State
from advbench_baselines.forests import GradientBoosting, RandomForest
from advbench_baselines.trees import Trees

sys.path.insert(0, str(Path(__file__).resolve().parent))
from baselines_case import Seeds, blobs, job


def seed_of(name):
    return Seeds(0).child(name).seed() % 2**32


def arrays(examples):
    return examples.x.flatten(1).numpy(), examples.y.numpy()


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(("features", "theirs"), [("all", None), ("sqrt", "sqrt")])
def test_a_forest_is_scikit_learns(classes, features, theirs):
    given = job(classes)
    contender = RandomForest(trees=30, leaf=4, features=features).fit(given)
    forest = RandomForestClassifier(
        30, min_samples_leaf=4, max_features=theirs, random_state=seed_of("forest")
    ).fit(*arrays(given.train))  # fmt: skip
    x = torch.cat([given.tune.x, blobs(200, classes, seed=2).x])
    shares = forest.predict_proba(x.flatten(1).numpy())
    expected = np.log((30 * shares + 0.5) / (30 + classes / 2))
    np.testing.assert_allclose(contender.scores(x).numpy(), expected, rtol=1e-5, atol=1e-6)
    clear = np.sort(shares, axis=1)[:, -1] - np.sort(shares, axis=1)[:, -2] > 1e-9
    assert clear.mean() > 0.9
    assert (contender.labels(x).numpy() == forest.predict(x.flatten(1).numpy()))[clear].all()
    assert float((contender.labels(given.tune.x) == given.tune.y).float().mean()) > 0.6


@pytest.mark.parametrize("classes", [2, 3])
def test_boosting_is_scikit_learns(classes):
    given = job(classes)
    rows = []
    contender = GradientBoosting(stages=25, depth=2, rate=0.2, subsample=0.8).fit(job(classes, log=rows.append))
    booster = GradientBoostingClassifier(
        n_estimators=25, max_depth=2, learning_rate=0.2, subsample=0.8, random_state=seed_of("boosting")
    )
    booster.fit(*arrays(given.train))
    x = torch.cat([given.tune.x, blobs(200, classes, seed=2).x])
    shares = contender.scores(x).double().softmax(dim=1).numpy()
    expected = booster.predict_proba(x.flatten(1).numpy())
    np.testing.assert_allclose(booster.train_score_, [row["loss"] for row in rows])
    np.testing.assert_allclose(shares, expected, rtol=1e-5)
    assert (contender.labels(x).numpy() == booster.predict(x.flatten(1).numpy())).all()


VOTING = [
    RandomForest(trees=5, leaf=2, features="sqrt", votes=3), GradientBoosting(stages=4, subsample=0.6, votes=3),
]  # fmt: skip


@pytest.mark.parametrize("model", VOTING)
def test_votes_are_those_of_ensembles_with_seeds_of_their_own(model):
    given = job()
    hard, soft = model.fit(given), replace(model, vote="soft").fit(given)
    x = blobs(300, 3, seed=2).x
    each = torch.stack([member.scores(x) for member in hard.members], dim=1)
    assert not torch.equal(each[:, 0], each[:, 1])
    alone = replace(model, votes=1).fit(given)
    assert torch.equal(alone.scores(x), each[:, 0])
    counts = torch.nn.functional.one_hot(each.argmax(dim=2), 3).sum(dim=1)
    assert bool((counts.max(dim=1).values < 3).any()), "votes that always agree show nothing"
    assert torch.equal(hard.labels(x), counts.argmax(dim=1))
    torch.testing.assert_close(hard.scores(x), ((counts + 0.5) / 4.5).log())
    torch.testing.assert_close(soft.scores(x).exp(), each.softmax(dim=2).mean(dim=1))
    assert hard.facts.largest_margin == math.log(7)


def test_progress_and_log_count_all_votes():
    bars, rows = [], []
    GradientBoosting(stages=4, votes=3).fit(job(progress=lambda *bar: bars.append(bar), log=rows.append))
    assert (bars[-1], bars == sorted(set(bars))) == ((12, 12), True)
    assert [row["epoch"] for row in rows] == list(range(12))


@pytest.mark.parametrize("model", [RandomForest(trees=7, leaf=2), GradientBoosting(stages=6), *VOTING])
def test_a_state_answers_bit_by_bit(model):
    given = job()
    contender = model.fit(given)
    state = contender.state()
    assert all(isinstance(array, torch.Tensor) for array in state.arrays.values())
    again = model.restore(State({name: array.clone() for name, array in state.arrays.items()}, state.meta), given)
    assert torch.equal(again.scores(given.tune.x), contender.scores(given.tune.x))
    assert again.facts == model.facts() == contender.facts


@pytest.mark.parametrize("model", [RandomForest(trees=9, leaf=2), GradientBoosting(stages=6)])
@pytest.mark.parametrize("present", [(0, 2), (1, 2)])
def test_a_class_without_examples_is_never_chosen(model, present):
    contender = model.fit(job(3, train=blobs(120, 3, labels=present)))
    assert set(contender.labels(blobs(60, 3, seed=2).x).tolist()) <= set(present)


def test_a_point_on_a_threshold_goes_left_as_in_scikit_learn():
    x = np.linspace(0, 1, 200, dtype=np.float32)[:, None]
    tree = DecisionTreeRegressor(max_depth=6).fit(x, np.arange(200) % 7).tree_
    near = tree.threshold[tree.feature >= 0].astype(np.float32)
    points = np.concatenate([near, np.nextafter(near, np.float32(9)), np.nextafter(near, np.float32(-9))])[:, None]
    values = Trees.of([tree])(torch.from_numpy(points))[:, 0, 0].numpy()
    np.testing.assert_array_equal(values, tree.predict(points)[:, 0])
    rounded_up = tree.threshold.astype(np.float32).astype(np.float64) > tree.threshold
    assert rounded_up.any(), "the case that rounding must not turn did not occur"


def test_the_largest_margin_is_reached_and_not_passed():
    model = RandomForest(trees=5, leaf=1)
    given = job(2)
    scores = model.fit(given).scores(given.train.x)
    spread = float((scores[:, 0] - scores[:, 1]).abs().max())
    assert model.facts().largest_margin == math.log(11)
    assert spread == pytest.approx(math.log(11))


@pytest.mark.parametrize("model", [RandomForest(), GradientBoosting()])
def test_past_its_deadline_it_fails(model):
    with pytest.raises(ContestError, match="deadline, got 10 of 100 trees"):
        model.fit(job(deadline=0.0))
    assert model.build(job()) is None
