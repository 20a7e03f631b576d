"""Intervals against scipy, by hand, and by how often they cover the truth."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from advbench.records.intervals import mean_interval, median_interval, quantile, quantile_interval, wilson

SIZES = st.lists(st.floats(0, 10) | st.just(math.inf), min_size=1, max_size=60)


@pytest.mark.parametrize(("k", "n"), [(0, 1), (1, 1), (0, 72), (72, 72), (1, 2), (37, 200), (499, 1000)])
def test_wilson_agrees_with_scipy(k, n):
    expected = stats.binomtest(k, n).proportion_ci(method="wilson")
    assert wilson(k, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_ends_are_exact_at_none_and_all_and_unknown_without_examples():
    assert wilson(0, 10)[0] == 0.0
    assert wilson(10, 10)[1] == 1.0
    assert all(math.isnan(end) for end in wilson(0, 0))


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.floats(0, n), st.just(n))))
def test_wilson_contains_its_share_within_the_unit_interval(pair):
    k, n = pair
    low, high = wilson(k, n)
    assert 0 <= low <= k / n + 1e-12
    assert k / n - 1e-12 <= high <= 1


@pytest.mark.parametrize("n", [2, 3, 4, 9, 10, 11, 30, 31, 100, 1000])
def test_mean_interval_is_students(n):
    values = np.random.default_rng(n).normal(size=n)
    expected = stats.t.interval(0.95, n - 1, values.mean(), stats.sem(values))
    assert mean_interval(values) == pytest.approx(expected, rel=2e-5)


@pytest.mark.parametrize("values", [[], [1.0], [1.0, math.inf], [1.0, math.nan]])
def test_mean_interval_is_unknown_below_two_finite_values(values):
    assert all(math.isnan(end) for end in mean_interval(values))


def test_quantile_is_numpys_and_takes_infinity_as_large():
    values = np.random.default_rng(1).normal(size=37)
    for q in (0.1, 0.5, 0.9):
        assert quantile(values, q) == pytest.approx(np.quantile(values, q))
    assert quantile([1, 3, math.inf], 0.5) == 3
    assert quantile([1, 3, math.inf, math.inf], 0.5) == math.inf
    assert quantile([math.inf, math.inf], 0.5) == math.inf
    assert math.isnan(quantile([], 0.5))
    assert math.isnan(quantile([1, math.nan], 0.5))


def test_median_interval_by_hand():
    """n = 10: P(count <= 1) = 11/1024 = .011, P(count <= 2) = .055, so ranks 2 and 9."""
    assert median_interval(np.arange(1.0, 11)) == (2, 9)
    assert median_interval(np.arange(1.0, 7)) == (1, 6)
    assert median_interval(np.arange(1.0, 6)) == (-math.inf, math.inf)  # 2/32 > .05
    assert median_interval([1.0, 2, 3, 4, 5, 6, 7, math.inf, math.inf, math.inf]) == (2, math.inf)
    assert all(math.isnan(end) for end in median_interval([]))
    assert all(math.isnan(end) for end in median_interval([math.nan, 1]))


@pytest.mark.parametrize("q", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("n", [5, 6, 20, 72, 200, 5000])
def test_each_end_of_a_quantile_interval_errs_by_a_fortieth_at_most_and_no_rank_is_wasted(n, q):
    low, high = quantile_interval(np.arange(1.0, n + 1), q)
    count = stats.binom(n, q)  # how many of n values lie under the quantile
    if low != -math.inf:
        assert count.cdf(low - 1) <= 0.025 + 1e-9
    next_rank = 0 if low == -math.inf else int(low)
    assert count.cdf(next_rank) > 0.025 - 1e-9
    if high != math.inf:
        assert count.sf(high - 1) <= 0.025 + 1e-9
        assert count.sf(high - 2) > 0.025 - 1e-9
    else:
        assert count.sf(n - 1) > 0.025 - 1e-9


@pytest.mark.parametrize("q", [0.0, 1.0, -1.0])
def test_a_quantile_outside_the_open_unit_interval_is_refused(q):
    with pytest.raises(ValueError, match="between 0 and 1"):
        quantile_interval([1.0, 2.0], q)


@settings(deadline=None)
@given(SIZES, st.sampled_from([0.1, 0.5, 0.9]))
def test_a_quantile_lies_in_its_interval(values, q):
    low, high = quantile_interval(values, q)
    assert low <= quantile(values, q) <= high


@pytest.mark.parametrize("n", [12, 50, 200])
def test_intervals_cover_the_truth_about_as_often_as_they_say(n):
    rng = np.random.default_rng(n)
    samples = rng.exponential(size=(1500, n))
    inside = [low <= math.log(2) <= high for low, high in map(median_interval, samples)]
    assert np.mean(inside) > 0.94
    heads = rng.binomial(n, 0.3, size=1500)
    inside = [low <= 0.3 <= high for low, high in (wilson(int(k), n) for k in heads)]
    assert np.mean(inside) > 0.925  # Wilson's own discreteness dips below 95 % at small n
    bells = rng.normal(size=(1500, n))
    inside = [low <= 0 <= high for low, high in map(mean_interval, bells)]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.02)
