"""What the bundled metrics measure, without the code that measures it: listing stays fast."""

from __future__ import annotations

from dataclasses import replace

from advbench import MetricSpec

_VERDICTS = frozenset({"example_id", "label", "clean_label", "verdict", "stop_reason"})
_DISTANCES = frozenset({"l0", "l1", "l2", "linf", "words"})


def _spec(name: str, summary: str, unit: str, *, better: bool, also: frozenset[str] = frozenset()) -> MetricSpec:
    return MetricSpec(name=name, summary=summary, unit=unit, higher_is_better=better, columns=_VERDICTS | also)


CLEAN_ACCURACY = _spec("clean-accuracy", "share of examples answered right without an attack", "share", better=True)
ROBUST_ACCURACY = _spec("robust-accuracy", "share answered right and not broken, over all", "share", better=True)
SUCCESS_RATE = _spec("success-rate", "share broken among those answered right", "share", better=False)
MEDIAN_DISTANCE = _spec(
    "median-distance", "median change that breaks; right answers that held count as infinite", "norm", better=True,
    also=_DISTANCES,
)  # fmt: skip
P10_DISTANCE = _spec(
    "p10-distance",
    "change that breaks the weakest tenth; held counts as infinite",
    "norm",
    better=True,
    also=_DISTANCES,
)
P90_DISTANCE = _spec(
    "p90-distance", "change that breaks nine tenths; held counts as infinite", "norm", better=True, also=_DISTANCES
)
MEAN_DISTANCE = replace(
    _spec("mean-distance", "mean change over the broken alone: blind to whatever held", "norm", better=True,
          also=_DISTANCES),
    excused={
        "check_breaking_one_more_never_speaks_for_the_defender":
            "the mean that papers print leaves out what held, and so rises with every far break; read it beside"
            " success-rate, or read median-distance",
    },
)  # fmt: skip
MEDIAN_QUERIES = _spec(
    "median-queries", "median queries that a break cost, all targets together; held counts as infinite", "queries",
    better=True, also=frozenset({"queries"}),
)  # fmt: skip
SECURITY_CURVE = _spec(
    "security-curve", "area under robust accuracy from eps 0 to the cell's (or reference) eps, 0 to 1", "share",
    better=True, also=_DISTANCES,
)  # fmt: skip
EXPECTED_ROBUST_ACCURACY = _spec(
    "expected-robust-accuracy", "mean of right x (1 - votes): one fresh draw of the noise decides", "share",
    better=True, also=frozenset({"votes"}),
)  # fmt: skip
ABSTAIN_RATE = _spec("abstain-rate", "share of clean inputs on which the contender declines", "share", better=False)

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
