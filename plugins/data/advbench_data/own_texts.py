"""Texts of the user's own: a column of them and a column of labels, and nothing left out without a word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from advbench import DataError

from .rows import Row, csv_rows, form_of, half_of_memory, json_rows

_WHOLE = re.compile(r"-?\d{1,18}", re.ASCII)
_BESIDE = 128  # bytes that a text takes beside its characters


def labelled_texts(path: Path, text: str, label: str) -> tuple[list[str], list[Any]]:
    """Texts as they stand, and their labels, numbers if all of them are whole.

    path: CSV or tab-separated with a header line, JSON lines, or Parquet. Raises DataError naming line and column.
    """
    texts: list[str] = []
    labels: list[Any] = []
    held = 0
    for place, row in _rows(path, text, label):
        for column in (text, label):
            if column not in row:
                raise _no_column(path, "it" if not texts else place, column, list(row))
        texts.append(_text(path, place, text, row[text]))
        held += len(texts[-1]) + _BESIDE
        if held > half_of_memory():
            raise DataError(f"{path}: it must fit into half of this machine's memory, got more by {place}. Cut it.")
        labels.append(_label(path, place, label, row[label]))
    if not texts:
        raise DataError(f"{path}: it must hold texts, got none. Give a header line, or objects, and rows.")
    if all(isinstance(one, str) and _WHOLE.fullmatch(one) for one in labels):
        labels = [int(one) for one in labels]
    return texts, labels


def _rows(path: Path, text: str, label: str) -> Iterator[Row]:
    form = form_of(path)
    if form == "parquet":
        return _parquet_rows(path, text, label)
    return csv_rows(path) if form == "csv" else json_rows(path)


def _parquet_rows(path: Path, text: str, label: str) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            known = file.schema_arrow.names
            if len(set(known)) < len(known):
                raise DataError(f"{path}: each column must have a name of its own, got one twice. Rename it.")
            for column in (text, label):
                if column not in known:
                    raise _no_column(path, "it", column, known)
            number = 0
            for batch in file.iter_batches(batch_size=256, columns=[text, label]):
                for row in batch.to_pylist():
                    number += 1
                    yield f"row {number}", row
    except (OSError, ValueError, OverflowError, MemoryError, LookupError, pa.ArrowException) as error:
        got = " ".join(str(error).split())[:200]
        raise DataError(f"{path}: it must be a readable table, got: {got}. Check the file.") from None


def _text(path: Path, place: str, column: str, value: Any) -> str:
    if not isinstance(value, str):
        raise DataError(f"{path}: {place}: '{column}' must be a text, got {_told(value)}. Correct or remove it.")
    if not value.strip():
        raise DataError(f"{path}: {place}: '{column}' must hold a text, got an empty one. Fill it in or remove it.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise DataError(f"{path}: {place}: '{column}' must be whole characters, got half of one. Correct it.") from None
    return value


def _label(path: Path, place: str, column: str, value: Any) -> Any:
    if isinstance(value, str):
        value = value.strip()
    if not isinstance(value, (str, int, float)) or value == "":
        raise DataError(f"{path}: {place}: '{column}' must be a label, got {_told(value)}. Fill it in or remove it.")
    return value


def _no_column(path: Path, place: str, column: str, known: list[str]) -> DataError:
    named = ", ".join(known[:8]) + (", …" if len(known) > 8 else "")
    hint = "text= must name the column of texts, label= that of their labels."
    return DataError(f"{path}: {place} must have a column '{column}', got {named or 'none'}. {hint}")


def _told(value: Any) -> str:
    return "nothing" if value is None or value == "" else repr(value)[:40]
