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
