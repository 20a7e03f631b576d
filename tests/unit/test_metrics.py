"""Every bundled metric by hand on a few rows, and what all of them owe."""

import math

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advbench.builtin import metrics
from advbench.builtin.metric_specs import METRICS
from advbench.contract.params import describe
from advbench.records.columns import COLUMNS
from advbench.records.intervals import mean_interval, wilson
from advbench.records.tables import make_table

ALL = [getattr(metrics, name)() for _, name in METRICS]


def frame(rows, norm="l2", eps=1.0, reference_eps=2.0):
    table = make_table("examples", [{"cell_id": "c", **row} for row in rows])
    for name, value, kind in (
        ("norm", norm, pa.string()),
        ("eps", eps, pa.float64()),
        ("reference_eps", reference_eps, pa.float64()),
    ):
        table = table.append_column(name, pa.array([value] * len(rows), kind))
    return table.to_pandas(types_mapper=pd.ArrowDtype)


def broken(i, l2, queries=10, **more):
    row = {"example_id": i, "label": 1, "clean_label": 1, "verdict": "broken", "stop_reason": "found"}
    return row | {"l2": l2, "queries": queries} | more


def held(i, stop="budget", queries=100, **more):
    row = {"example_id": i, "label": 1, "clean_label": 1, "verdict": "held", "stop_reason": stop, "queries": queries}
    return row | more


def skipped(i, answer=0):
    row = {"example_id": i, "label": 1, "clean_label": answer, "verdict": "skipped", "stop_reason": None}
    return row | {"queries": 0}


MIXED = [broken(1, 0.2, 10), broken(2, 0.6, 30), held(3), held(4, verdict="invalid"), skipped(5), skipped(6, -1)]


def values(rows, **constants):
    table = frame(rows, **constants)
    return {metric.spec.name: metric(table) for metric in ALL}


def test_every_metric_by_hand():
    found = values(MIXED)
    expected = {
        "clean-accuracy": (4 / 6, 6), "robust-accuracy": (2 / 6, 6), "success-rate": (2 / 4, 4),
        "median-distance": (math.inf, 4), "mean-distance": (0.4, 2), "p90-distance": (math.inf, 4),
        "median-queries": (math.inf, 4), "abstain-rate": (1 / 6, 6),
        "security-curve": ((0.2 + 0.6 + 1 + 1) / 6, 6), "expected-robust-accuracy": (2 / 6, 6),
        "p10-distance": (0.2 + 0.3 * 0.4, 4),
    }  # fmt: skip
    assert {name: (pytest.approx(e.value), e.n) for name, e in found.items()} == expected


def test_intervals_are_the_stated_ones():
    found = values(MIXED)
    assert (found["robust-accuracy"].low, found["robust-accuracy"].high) == wilson(2, 6)
    assert (found["success-rate"].low, found["success-rate"].high) == wilson(2, 4)
    assert (found["mean-distance"].low, found["mean-distance"].high) == mean_interval([0.2, 0.6])
    assert (found["median-distance"].low, found["median-distance"].high) == (0.0, math.inf)


def test_medians_where_most_rows_fell():
    found = values([broken(i, i / 10, 10 * i) for i in range(1, 10)] + [held(10), skipped(11)])
    assert found["median-distance"].value == pytest.approx(0.55)
    assert (found["median-distance"].low, found["median-distance"].high) == pytest.approx((0.2, 0.9))
    assert found["median-queries"].value == pytest.approx(55)
    assert (found["median-queries"].low, found["median-queries"].high) == pytest.approx((20, 90))


def test_timeouts_and_errors_widen_intervals_and_count_as_held_in_the_value():
    rows = [broken(1, 0.2), held(2), held(3, "timeout", queries=7), held(4, "error", clean_label=None)]
    found = values(rows)
    assert found["robust-accuracy"].value == 3 / 4
    assert found["robust-accuracy"].low == wilson(1, 4)[0]
    assert found["robust-accuracy"].high == wilson(3, 4)[1]
    assert found["success-rate"].value == 1 / 4
    assert found["success-rate"].high == wilson(3, 4)[1]
    assert found["clean-accuracy"].low == wilson(3, 4)[0]  # of the one in error nothing is known
    assert found["clean-accuracy"].value == 1
    assert found["security-curve"].value == pytest.approx((0.2 + 3) / 4)
    assert found["security-curve"].low == pytest.approx(wilson(1.2, 4)[0])
    many = values([held(i) for i in range(10)] + [held(20 + i, "timeout", queries=7) for i in range(30)])
    assert many["median-distance"].value == math.inf
    assert many["median-distance"].low == 0
    assert many["median-queries"].low == 7


def test_all_targets_of_an_example_are_one_example():
    rows = [
        held(1, target=0, queries=5), broken(1, 0.8, 6, target=2), broken(1, 0.3, 7, target=3),
        held(2, target=0, queries=1), held(2, target=2, queries=1), held(2, "timeout", target=3, queries=1),
    ]  # fmt: skip
    found = values(rows)
    assert (found["robust-accuracy"].value, found["robust-accuracy"].n) == (0.5, 2)
    assert found["robust-accuracy"].low == 0
    assert found["mean-distance"].value == 0.3
    assert found["p10-distance"].low == 0
    assert found["security-curve"].value == pytest.approx((0.3 + 1) / 2)
    assert values(rows[:3])["median-queries"].value == 18


def test_distances_are_in_the_cells_norm():
    rows = [broken(1, 0.2, linf=0.05), broken(2, 0.4, linf=0.01)]
    assert values(rows, norm="linf", eps=0.1)["mean-distance"].value == pytest.approx(0.03)
    assert values(rows, norm="linf", eps=0.1)["security-curve"].value == pytest.approx((0.5 + 0.1) / 2)


def test_the_curve_ends_at_eps_else_at_the_reference_else_is_unknown():
    rows = [broken(1, 0.5), broken(2, 3.0)]
    assert values(rows, eps=1.0)["security-curve"].value == pytest.approx((0.5 + 1) / 2)
    for boundless in (None, math.inf):
        assert values(rows, eps=boundless)["security-curve"].value == pytest.approx((0.25 + 1) / 2)
    unknown = values(rows, eps=None, reference_eps=None)["security-curve"]
    assert math.isnan(unknown.value)
    assert unknown.n == 0


def test_votes_decide_the_expected_robust_accuracy():
    rows = [broken(1, 0.2, votes=0.8), held(2, votes=0.3), held(3), skipped(4) | {"votes": 0.0}]
    found = values(rows)["expected-robust-accuracy"]
    assert found.value == pytest.approx((0.2 + 0.7 + 1) / 4)
    assert (found.low, found.high) == pytest.approx(wilson(1.9, 4))


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.spec.name)
def test_no_rows_give_nan_and_n_0(metric):
    found = metric(frame([]))
    assert found.n == 0
    assert all(math.isnan(part) for part in (found.value, found.low, found.high))


def test_nothing_answered_right_leaves_only_the_accuracies():
    found = values([skipped(1), skipped(2)])
    assert found["robust-accuracy"].value == 0
    assert {name for name, e in found.items() if e.n == 0} == {
        "success-rate", "median-distance", "p10-distance", "p90-distance", "mean-distance", "median-queries",
    }  # fmt: skip


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.spec.name)
def test_a_metric_reads_only_the_columns_that_it_declares(metric):
    names = {column.name for column in COLUMNS["examples"]}
    assert metric.spec.columns <= names
    rows = frame(MIXED)[[*metric.spec.columns, "norm", "eps", "reference_eps"]]
    assert metric(rows) == metric(frame(MIXED))
    assert describe(type(metric)) == ()


ROWS = st.builds(
    lambda i, kind, stop, size, queries, votes: {
        "broken": broken(i, size, queries, votes=votes), "held": held(i, stop, queries), "skipped": skipped(i),
        "invalid": held(i, "done", queries, verdict="invalid"),
    }[kind],
    st.integers(0, 30), st.sampled_from(["broken", "held", "skipped", "invalid"]),
    st.sampled_from(["budget", "timeout", "error", "blind"]), st.floats(0, 1), st.integers(0, 50), st.floats(0.5, 1),
)  # fmt: skip


@settings(deadline=None, max_examples=40)
@given(st.lists(ROWS, max_size=25), st.randoms(use_true_random=False))
def test_order_is_irrelevant_inputs_stay_and_intervals_hold_their_value(rows, random):
    table = frame(rows)
    shuffled = frame(random.sample(rows, len(rows)))
    before = table.copy()
    for metric in ALL:
        found, again = metric(table), metric(shuffled)
        assert (found.n, math.isnan(found.value)) == (again.n, math.isnan(again.value))
        for one, other in zip((found.value, found.low, found.high), (again.value, again.low, again.high), strict=True):
            assert one == pytest.approx(other, nan_ok=True)
        if not math.isnan(found.low):
            assert found.low - 1e-9 <= found.value <= found.high + 1e-9
    pd.testing.assert_frame_equal(table, before)
