"""The scikit-learn class keeps scikit-learn's rules, and the same bad input is refused."""

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from advbench_scd.classifier import SCDClassifier

SMALL = SCDClassifier(votes=3, hidden=6, iterations=60, n_jobs=1, random_state=0)


@parametrize_with_checks([SMALL])
def test_scikit_learn_accepts_it(estimator, check):
    check(estimator)


def test_equal_seeds_give_equal_votes_and_folders_go_on(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.random((80, 4))
    y = np.where(x[:, 0] > x[:, 1], "yes", "no")
    one = SCDClassifier(votes=3, hidden=4, iterations=60, random_state=0, checkpoints=tmp_path).fit(x, y)
    more = SCDClassifier(votes=5, hidden=4, iterations=60, random_state=0, checkpoints=tmp_path).fit(x, y)
    assert (one.network_.final == more.network_.final[..., :3]).all()
    assert one.score(x, y) > 0.85
    assert one.predict_proba(x).shape == (80, 2)
    with pytest.raises(ValueError, match="must be of equal settings to go on, got hidden=4"):
        SCDClassifier(votes=3, hidden=5, iterations=60, random_state=0, checkpoints=tmp_path).fit(x, y)
    with pytest.raises(ValueError, match="must be of 2 classes with mode='paper', got 3"):
        SCDClassifier(mode="paper").fit(x, np.arange(80) % 3)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"variant": "02"}, "variant must be one of 01, ce, 01-bnn, ce-bnn, got '02'"),
        ({"mode": "exact"}, "mode must be one of default, released, paper, got 'exact'"),
        ({"preset": "mnist"}, "preset must be one of cifar10, .*, got 'mnist'"),
        ({"initial_bias": "zero"}, "initial_bias must be one of mean, median, got 'zero'"),
        ({"votes": 0}, "votes must be at least 1, got 0"),
    ],
)
def test_unknown_settings_are_refused_in_words(wrong, message):
    x = np.random.default_rng(0).random((20, 3))
    with pytest.raises(ValueError, match=message):
        SCDClassifier(**{"votes": 1, "hidden": 2, "iterations": 2, **wrong}).fit(x, np.arange(20) % 2)


def test_a_class_of_one_row_is_named_as_the_user_named_it():
    x = np.random.default_rng(0).random((21, 3))
    with pytest.raises(ValueError, match="each class must have at least 2 rows, got 1 of class rare"):
        SCDClassifier(votes=1, hidden=2, iterations=2).fit(x, np.array([*["a", "b"] * 10, "rare"]))


def test_threads_are_counted_as_scikit_learn_counts_them():
    x = np.random.default_rng(0).random((20, 3))
    one, all_cores = (
        SCDClassifier(votes=2, hidden=2, iterations=5, random_state=0, n_jobs=jobs).fit(x, x[:, 0] > 0.5)
        for jobs in (1, -1)
    )
    assert (one.predict_proba(x) == all_cores.predict_proba(x)).all()
