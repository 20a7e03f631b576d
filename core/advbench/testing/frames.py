"""Judged rows as metrics get them, made up of every kind of ending."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import pandas as pd
import pyarrow as pa

from advbench import Estimate, Norm
from advbench.records.columns import COLUMNS
from advbench.records.tables import make_table

Row: TypeAlias = dict[str, Any]
CONSTANTS: Mapping[str, pa.DataType] = {"norm": pa.string(), "eps": pa.float64(), "reference_eps": pa.float64()}
STORED = frozenset(column.name for column in COLUMNS["examples"])
ALWAYS = frozenset(CONSTANTS)  # columns that every metric is given besides the stored ones
EPS = 1.0


def frame(rows: Sequence[Row], *, norm: Norm = Norm.L2, eps: float | None = EPS) -> pd.DataFrame:
    """As scoring hands them over: every declared column, nulls where a row says nothing."""
    table = make_table("examples", [{"cell_id": "conformance", **row} for row in rows])
    values = {"norm": norm.value, "eps": eps, "reference_eps": None if eps is None else 2 * eps}
    for name, kind in CONSTANTS.items():
        table = table.append_column(name, pa.array([values[name]] * len(rows), kind))
    found: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
    return found


def broken(i: int, size: float = 0.5) -> Row:
    """Fell at that distance, in every norm."""
    sizes = {norm.value: size for norm in (Norm.L1, Norm.L2, Norm.LINF, Norm.WORDS)} | {"l0": 1.0 + round(size)}
    asked = {"queries": 7 + i, "first_query": 3, "best_query": 3}
    return (
        _asked(i) | sizes | asked | {"verdict": "broken", "stop_reason": "found", "adv_label": 0, "adv_margin": -0.25}
    )


def held(i: int) -> Row:
    """Was attacked in vain."""
    return _asked(i) | {"queries": 50, "verdict": "held", "stop_reason": "budget", "adv_label": 1, "adv_margin": 0.5}


def lost(i: int) -> Row:
    """Ended in an error before anything was known of it."""
    return held(i) | {"stop_reason": "error", "clean_label": None, "clean_margin": None, "queries": None}


def skipped(i: int, answer: int = 0) -> Row:
    """Was wrong from the start; -1: the contender abstained."""
    row = {"example_id": i, "label": 1, "clean_label": answer, "verdict": "skipped", "queries": 0, "gradients": 0}
    return row | {"clean_margin": -0.5}


def _asked(i: int) -> Row:
    row = {"example_id": i, "label": 1, "clean_label": 1, "gradients": 0, "clean_margin": 1.0}
    return row | {norm.value: 0.0 for norm in Norm}


def mixed(seed: int = 0, n: int = 24) -> list[Row]:
    """n examples with all kinds of endings, drawn."""
    draw = random.Random(seed)
    rows = []
    for i in range(n):
        kinds = (
            broken(i, draw.randint(1, 64) / 64), broken(i, draw.randint(1, 64) / 64) | {"votes": draw.uniform(0.5, 1)},
            held(i) | {"votes": draw.uniform(0, 0.5)}, held(i), held(i) | {"verdict": "invalid", "reason": "NaN"},
            skipped(i), skipped(i, -1), held(i) | {"stop_reason": "timeout"}, held(i) | {"stop_reason": "blind"},
            lost(i),
        )  # fmt: skip
        rows.append(kinds[draw.randrange(len(kinds))])
    return rows


def targets(n: int = 6) -> list[Row]:
    """n examples with two rows each, one per target class; of every second one both held."""
    return [
        row
        for i in range(n)
        for row in (held(i) | {"target": 0}, (broken(i, 0.25) if i % 2 else held(i)) | {"target": 2})
    ]


def spelt(found: Any) -> str:
    """An estimate to compare by: equal numbers give equal texts, NaN too."""
    if not isinstance(found, Estimate):
        return repr(found)
    return f"{found.value:.9g}, {found.low:.9g} to {found.high:.9g}, over {found.n}"
