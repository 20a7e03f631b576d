"""Rows become Arrow tables here, under declared schemas, or are refused by column name."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from ..contract.errors import ReportError, did_you_mean
from .columns import COLUMNS, REAL, Column

SCHEMA_VERSION = 1
NOTE = "note_"  # prefix of the float columns that attacks may add to examples

_WHAT = {
    "cells": "one row per cell",
    "examples": "one row per cell, example and target",
    "scores": "one row per cell and metric",
    "trace": "one row per improvement of an example's best point by 1 % or more",
    "training": "one row per trained contender and epoch",
}


def schema(name: str, notes: Sequence[str] = ()) -> pa.Schema:
    """Return the Arrow schema of a table, with its version in the metadata, notes last."""
    fields = [pa.field(column.name, column.type) for column in COLUMNS[name]]
    fields += [pa.field(note, REAL) for note in notes]
    return pa.schema(fields, metadata={"schema_version": str(SCHEMA_VERSION)})


def make_table(name: str, rows: Sequence[Mapping[str, object]]) -> pa.Table:
    """Return the rows as a table with every declared column; what a row leaves out is null.

    `examples` rows may add columns named `note_...` holding numbers. Raises ReportError for an
    unknown column, a required one left out, or a value of the wrong type.
    """
    declared = {column.name: column for column in COLUMNS[name]}
    unknown = {key for row in rows for key in row if key not in declared}
    notes = sorted(key for key in unknown if name == "examples" and key.startswith(NOTE))
    for key in sorted(unknown.difference(notes)):
        raise ReportError(f"table {name}: a column must be declared, got '{key}'. {did_you_mean(key, declared)}")
    wanted = [*declared.values(), *(Column(note, REAL, "") for note in notes)]
    return pa.Table.from_arrays([_array(name, column, rows) for column in wanted], schema=schema(name, notes))


def _array(name: str, column: Column, rows: Sequence[Mapping[str, object]]) -> pa.Array:
    values = [row.get(column.name) for row in rows]
    for value in values:
        wrong = _objection(column, value)
        if wrong:
            raise ReportError(f"table {name}: {column.name} must be {wrong}, got {value!r}. {column.help}")
    try:
        return pa.array(values, type=column.type)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise ReportError(f"table {name}: {column.name} must be {column.type}, got: {error}. {column.help}") from error


def _objection(column: Column, value: object) -> str:
    """Say what the value must be, or nothing. Arrow itself would turn 1.5 into a 1 without a word."""
    if value is None:
        return "given" if column.required else ""
    if column.choices and value not in column.choices:
        return "one of " + ", ".join(column.choices)
    if pa.types.is_integer(column.type) and not isinstance(value, numbers.Integral):
        return "a whole number"
    if pa.types.is_boolean(column.type) and not isinstance(value, (bool, np.bool_)):
        return "true or false"
    if pa.types.is_floating(column.type) and isinstance(value, (bool, np.bool_)):
        return "a number"
    return ""


def conform(name: str, table: pa.Table, columns: Sequence[str] | None = None, encoded: Sequence[str] = ()) -> pa.Table:
    """Return a stored table's declared columns in their order, then notes; or just `columns`.

    Those named in `encoded` are dictionaries of their type. Raises ReportError naming the first
    column that is absent or of another type.
    """
    for column in COLUMNS[name]:
        if column.later and column.name not in table.column_names and (columns is None or column.name in columns):
            table = table.append_column(column.name, pa.nulls(table.num_rows, column.type))
    wanted = schema(name, notes_of(name, table.column_names))
    for key in columns if columns is not None else wanted.names:
        if key not in wanted.names or key not in table.column_names:
            raise ReportError(f"table {name}: column '{key}' must be there, got none.")
        declared, found = wanted.field(key).type, table.schema.field(key).type
        if found != (pa.dictionary(pa.int32(), declared) if key in encoded else declared):
            raise ReportError(f"table {name}: column '{key}' must be {declared}, got {found}.")
    kept = table.select(list(columns) if columns is not None else wanted.names)
    return kept.replace_schema_metadata(wanted.metadata)


def notes_of(name: str, columns: Sequence[str]) -> list[str]:
    """Those of the columns that attacks added, in order."""
    return sorted(key for key in columns if name == "examples" and key.startswith(NOTE))


def widened(table: pa.Table, wanted: pa.Schema) -> pa.Table:
    """The table under a schema with more notes, which are null; in its order."""
    if table.column_names == wanted.names:
        return table
    there = set(table.column_names)
    arrays = [table[one.name] if one.name in there else pa.nulls(table.num_rows, one.type) for one in wanted]
    return pa.Table.from_arrays(arrays, schema=wanted)


def columns_markdown() -> str:
    """Describe every table and column as Markdown, ready for reports/README.md."""
    words = {
        "string": "text",
        "double": "number",
        "int64": "whole",
        "bool": "true/false",
        "timestamp[us, tz=UTC]": "UTC",
    }
    parts = []
    for name, columns in COLUMNS.items():
        lines = [
            f"### {name}.parquet",
            "",
            f"{_WHAT[name].capitalize()}.",
            "",
            "| column | type | meaning |",
            "|---|---|---|",
        ]
        lines += [f"| {column.name} | {words[str(column.type)]} | {column.help} |" for column in columns]
        if name == "examples":
            lines.append(
                f"| {NOTE}* | number | Whatever the attack noted about its work; see `advbench show attack NAME`. |"
            )
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"
