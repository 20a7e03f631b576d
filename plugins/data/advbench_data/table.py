"""Tables with a label: reading them with clear complaints, and what is known of their columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from advbench import Column, DataError

from .labels import numbered
from .rows import delimiter_of, form_of, json_rows

_MOST = 1 << 30  # numbers in a table


@dataclass(frozen=True)
class Schema:
    """label: the column to predict.  drop: columns to leave out.  groups: names of one-hot groups,
    whose columns are called group_value.  immutable: columns or groups that nobody can change.
    """

    label: str
    drop: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    immutable: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """x: float64 (N, D).  y: int64 (N,), 0..K-1.  notes: `classes`, `names`, and the columns in JSON."""

    x: np.ndarray[Any, Any]
    y: np.ndarray[Any, Any]
    notes: Mapping[str, Any]


def read_table(path: Path, schema: Schema) -> Table:
    """Read CSV or tabs (with a header line), JSON lines or Parquet. Raises DataError naming column and line."""
    frame = _frame(path)
    missing = [name for name in (schema.label, *schema.drop) if name not in frame.columns]
    if missing:
        known = ", ".join(map(str, frame.columns[:8])) + (", …" if len(frame.columns) > 8 else "")
        hint = "Its first line must name the columns, and label= the one to predict."
        raise DataError(f"{path}: it must have a column '{missing[0]}', got {known}. {hint}")
    names = [str(name) for name in frame.columns if name != schema.label and name not in schema.drop]
    if not names or not len(frame):
        raise DataError(f"{path}: it must have rows and features, got {len(frame)} rows, {len(names)} features.")
    x = np.stack([_numbers(path, name, frame[name]) for name in names], axis=1)
    if frame[schema.label].isna().any():
        raise DataError(
            f"{path}: column '{schema.label}' must have no gaps, got {int(frame[schema.label].isna().sum())}."
        )
    y, labels = numbered(str(path), list(frame[schema.label]))
    return Table(x, y, {"classes": len(labels), "names": labels, "columns": _columns(path, names, x, schema)})


def _frame(path: Path) -> Any:
    import pandas as pd

    try:
        form = form_of(path)
        if form == "parquet":
            frame = _parquet(path)
        elif form == "json lines":
            frame = pd.DataFrame(_from_json(path))
        else:
            frame = pd.read_csv(path, sep=delimiter_of(path), compression=None, low_memory=False)
    except (OSError, ValueError, OverflowError, MemoryError, LookupError) as error:  # most of pandas' are ValueErrors
        got = " ".join(str(error).split())[:200]
        raise DataError(f"{path}: it must be a readable table, got: {got}. Check the file.") from None
    if len(set(frame.columns)) < len(frame.columns):
        raise DataError(f"{path}: each column must have a name of its own, got one twice. Rename it.")
    return frame


def _from_json(path: Path) -> list[Mapping[str, Any]]:
    """Rows; each may bring columns of its own, so that they too are counted before a table is made."""
    rows: list[Mapping[str, Any]] = []
    names: set[str] = set()
    for _, row in json_rows(path):
        rows.append(row)
        names.update(row)
        if len(rows) * len(names) > _MOST:
            raise ValueError(f"{len(rows):,} rows of {len(names):,} columns")
    return rows


def _parquet(path: Path) -> Any:
    """A few bytes can stand for billions of rows: they are counted before they are made."""
    import pandas as pd
    import pyarrow.parquet as pq

    about = pq.read_metadata(path)
    if about.num_rows * about.num_columns > _MOST:
        raise ValueError(f"{about.num_rows:,} rows of {about.num_columns:,} columns")
    return pd.read_parquet(path)


def _numbers(path: Path, name: str, column: Any) -> np.ndarray[Any, Any]:
    import pandas as pd

    numbers: np.ndarray[Any, Any] = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    empty = column.isna().to_numpy()
    text = np.isnan(numbers) & ~empty
    if text.any():
        row = int(np.flatnonzero(text)[0])
        hint = f"Encode it as numbers, one column for each value, or read it as texts: text={name}."
        got = f"'{str(column.iloc[row])[:40]}' in row {row + 1}"
        raise DataError(f"{path}: column '{name}' must be numbers, got {got}. {hint}")
    if empty.any() or not np.isfinite(numbers).all():
        row = int(np.flatnonzero(empty | ~np.isfinite(numbers))[0])
        got, hint = "a gap" if empty[row] else str(numbers[row]), "Fill it in or remove the row."
        raise DataError(f"{path}: column '{name}' must be finite numbers, got {got} in row {row + 1}. {hint}")
    return numbers


def _columns(path: Path, names: Sequence[str], x: np.ndarray[Any, Any], schema: Schema) -> list[dict[str, Any]]:
    unknown = [one for one in schema.immutable if one not in (*names, *schema.groups)]
    if unknown:
        raise DataError(f"{path}: immutable must name columns or groups, got '{unknown[0]}'. Name one that it has.")
    columns = []
    for index, name in enumerate(names):
        group = next((one for one in schema.groups if name.startswith(f"{one}_")), None)
        whole = bool((x[:, index] == np.round(x[:, index])).all())
        kind = "one-hot" if group else "integer" if whole else "number"
        mutable = name not in schema.immutable and group not in schema.immutable
        columns.append({"name": name, "kind": kind, "group": group, "mutable": mutable})
    for one in schema.groups:
        members = [index for index, column in enumerate(columns) if column["group"] == one]
        if not members:
            raise DataError(f"{path}: groups must begin names of columns, got '{one}', but no {one}_…. Leave it out.")
        if not ((x[:, members] == 0) | (x[:, members] == 1)).all() or (x[:, members].sum(axis=1) != 1).any():
            raise DataError(
                f"{path}: columns {one}_… must be 0 or 1, a single 1 in each row, got others. Leave it out."
            )
    return columns


def as_columns(notes: Mapping[str, Any], low: Any, width: Any) -> tuple[Column, ...]:
    """The columns with what 0 and 1 stand for."""
    return tuple(
        Column(**entry, low=float(start), high=float(start + span))
        for entry, start, span in zip(notes["columns"], low, width, strict=True)
    )
