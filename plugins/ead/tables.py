"""The thesis's columns from reports: `python plugins/ead/tables.py REPORT...`.

One line per cell, and for EAD three more, one for what each decision rule chose: the share of clean-correct
examples that fell (ASR, %), and the mean L1, L2 and Linf of those, with 95 % intervals. A cell with all
targets gives three: each example's easiest target, all targets alike, and its hardest, in the cell's norm.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from advbench import mean_interval, wilson

NORMS = ["l1", "l2", "linf"]
RULES = ("en", "l1", "l2")


def lines(cell: pd.Series, rows: pd.DataFrame) -> Iterator[str]:
    """Of one cell."""
    right = rows[rows.verdict != "skipped"].reset_index(drop=True)
    goal = f"to {cell.targets}" if cell.targeted else "untargeted"
    yield f"{cell.attack} {cell.attack_params}, {cell.norm}, {goal}"
    yield from _cases("as judged", cell, right, right[NORMS].where(right.verdict == "broken"))
    if "note_en_l1" in right and right.note_en_l1.notna().any():
        for rule in RULES:
            sizes = right[[f"note_{rule}_{norm}" for norm in NORMS]].set_axis(NORMS, axis=1)
            yield from _cases(f"rule {rule}", cell, right, sizes)


def _cases(name: str, cell: pd.Series, right: pd.DataFrame, sizes: pd.DataFrame) -> Iterator[str]:
    """sizes: NaN where an example held."""
    sizes = sizes.astype(float)
    if cell.targets != "all":
        yield f"  {name:<10} {_told(sizes)}"
        return
    size = sizes[cell.norm].fillna(np.inf).groupby(right.example_id)
    for case, part in (("best", sizes.loc[size.idxmin()]), ("all", sizes), ("worst", sizes.loc[size.idxmax()])):
        yield f"  {name + ' ' + case:<16} {_told(part)}"


def _told(sizes: pd.DataFrame) -> str:
    n, fell = len(sizes), sizes.dropna()
    low, high = wilson(len(fell), n)
    text = f"n {n}  ASR {100 * len(fell) / n:.1f} [{100 * low:.1f}, {100 * high:.1f}]"
    for norm in NORMS:
        low, high = mean_interval(fell[norm].to_numpy())
        text += f"  {norm} {fell[norm].mean():.4g} [{low:.4g}, {high:.4g}]"
    return text


if __name__ == "__main__":
    for folder in map(Path, sys.argv[1:]):
        examples = pd.read_parquet(folder / "examples.parquet")
        for _, one in pd.read_parquet(folder / "cells.parquet").iterrows():
            print("\n".join(lines(one, examples[examples.cell_id == one.cell_id])))
