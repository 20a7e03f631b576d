"""Metrics that each break one rule, next to an honest one."""

import math
import random
from dataclasses import dataclass

import numpy as np

from advbench import Estimate, wilson

COUNT: list[int] = []  # how often something was done, for cheats that keep track
NOTHING = Estimate(math.nan, math.nan, math.nan, 0)


@dataclass(frozen=True)
class Fair:
    """Share of all examples that were not broken."""

    def __call__(self, rows):
        fell = rows["example_id"][rows["verdict"] == "broken"].nunique()
        return self.estimate(fell, rows["example_id"].nunique(), rows)

    def estimate(self, fell, n, rows):
        return Estimate((n - fell) / n, *wilson(n - fell, n), n) if n else NOTHING


class ReadsVotesInSecret(Fair):
    def estimate(self, fell, n, rows):
        return super().estimate(fell + int(rows["votes"].notna().sum() > n), n, rows)


class ReadsVotesIfThere(Fair):
    def estimate(self, fell, n, rows):
        return super().estimate(fell + ("votes" in rows), n, rows)


class NumbersTheRowsAnew(Fair):
    def __call__(self, rows):
        rows.index = rows.index[::-1]
        return super().__call__(rows)


class AddsAColumn(Fair):
    def __call__(self, rows):
        rows["fell"] = rows["verdict"] == "broken"
        return super().__call__(rows)


class FillsNulls(Fair):
    def __call__(self, rows):
        rows["verdict"] = "held"
        return super().__call__(rows)


class Bootstraps(Fair):
    def estimate(self, fell, n, rows):
        COUNT.append(1)
        return super().estimate(fell + len(COUNT) / 100, n, rows)


class DrawsFromRandom(Fair):
    def __call__(self, rows):
        random.random()
        return super().__call__(rows)


class ForgivesTheFirst(Fair):
    def __call__(self, rows):
        return super().__call__(rows.iloc[len(rows) // 4 :])


class DividesByTheBroken(Fair):
    def estimate(self, fell, n, rows):
        if not n:
            return NOTHING
        assert fell, "nothing fell"
        return Estimate((n - fell) / n, *wilson(n - fell, n), n)


class CountsInFloats(Fair):
    def estimate(self, fell, n, rows):
        return super().estimate(fell, float(n), rows)


class ReturnsANumber(Fair):
    def estimate(self, fell, n, rows):
        return 0.5 if n else NOTHING


class NaNOverMany(Fair):
    def estimate(self, fell, n, rows):
        return Estimate(math.nan, 0.0, 1.0, n) if n and not fell else super().estimate(fell, n, rows)


class NeedsLabels(Fair):
    def __call__(self, rows):
        rows["clean_label"].to_numpy(dtype=np.int64)
        return super().__call__(rows)


class OneOverNothing(Fair):
    def estimate(self, fell, n, rows):
        return super().estimate(fell, n, rows) if n else Estimate(1.0, 0.0, 1.0, 0)


class IntervalOfOthers(Fair):
    def estimate(self, fell, n, rows):
        return Estimate((n - fell) / n, *wilson(fell, 2 * n), n) if n else NOTHING


class InPercent(Fair):
    def estimate(self, fell, n, rows):
        return Estimate(100 * (n - fell) / n, 0.0, 100.0, n) if n else NOTHING


class CountsRows(Fair):
    def __call__(self, rows):
        return self.estimate(int((rows["verdict"] == "broken").sum()), len(rows), rows)


class CountsTheBroken(Fair):
    def estimate(self, fell, n, rows):
        return Estimate(fell / n, *wilson(fell, n), n) if n else NOTHING
