"""What the bundled metrics measure, without the code that measures it: listing stays fast."""

from __future__ import annotations

from advbench import MetricSpec

_VERDICTS = frozenset({"example_id", "label", "clean_label", "verdict", "stop_reason"})
_DISTANCES = frozenset({"l0", "l1", "l2", "linf", "words"})


def _spec(name: str, summary: str, unit: str, *, better: bool, also: frozenset[str] = frozenset()) -> MetricSpec:
    return MetricSpec(name=name, summary=summary, unit=unit, higher_is_better=better, columns=_VERDICTS | also)


CLEAN_ACCURACY = _spec("clean-accuracy", "Share of examples answered right without an attack.", "share", better=True)
ROBUST_ACCURACY = _spec("robust-accuracy", "Share answered right and not broken, over all.", "share", better=True)
SUCCESS_RATE = _spec("success-rate", "Share broken among those answered right.", "share", better=False)
MEDIAN_DISTANCE = _spec(
    "median-distance", "Median change that breaks; right answers that held count as infinite.", "norm", better=True,
    also=_DISTANCES,
)  # fmt: skip
P10_DISTANCE = _spec(
    "p10-distance",
    "Change that breaks the weakest tenth; held counts as infinite.",
    "norm",
    better=True,
    also=_DISTANCES,
)
P90_DISTANCE = _spec(
    "p90-distance", "Change that breaks nine tenths; held counts as infinite.", "norm", better=True, also=_DISTANCES
)
MEAN_DISTANCE = _spec(
    "mean-distance", "Mean change over the broken alone: blind to whatever held.", "norm", better=True, also=_DISTANCES
)
MEDIAN_QUERIES = _spec(
    "median-queries", "Median queries that a break cost, all targets together; held counts as infinite.", "queries",
    better=True, also=frozenset({"queries"}),
)  # fmt: skip
SECURITY_CURVE = _spec(
    "security-curve", "Area under robust accuracy from eps 0 to the cell's (or reference) eps, 0 to 1.", "share",
    better=True, also=_DISTANCES,
)  # fmt: skip
EXPECTED_ROBUST_ACCURACY = _spec(
    "expected-robust-accuracy", "Mean of right x (1 - votes): one fresh draw of the noise decides.", "share",
    better=True, also=frozenset({"votes"}),
)  # fmt: skip
ABSTAIN_RATE = _spec("abstain-rate", "Share of clean inputs on which the contender declines.", "share", better=False)

METRICS = (  # spec, class in `metrics`
    (CLEAN_ACCURACY, "CleanAccuracy"),
    (ROBUST_ACCURACY, "RobustAccuracy"),
    (SUCCESS_RATE, "SuccessRate"),
    (MEDIAN_DISTANCE, "MedianDistance"),
    (MEAN_DISTANCE, "MeanDistance"),
    (P10_DISTANCE, "P10Distance"),
    (P90_DISTANCE, "P90Distance"),
    (MEDIAN_QUERIES, "MedianQueries"),
    (SECURITY_CURVE, "SecurityCurve"),
    (EXPECTED_ROBUST_ACCURACY, "ExpectedRobustAccuracy"),
    (ABSTAIN_RATE, "AbstainRate"),
)
