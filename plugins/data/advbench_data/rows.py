"""Lines of the user's own files, each with its place, so that a complaint can say where."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

from advbench import DataError

Form: TypeAlias = Literal["parquet", "json lines", "csv"]
Row: TypeAlias = tuple[str, Mapping[str, Any]]  # its place, as "line 7", and its values by column
LONGEST = 10_000_000  # characters of a field; longer ones come from a damaged file


def form_of(path: Path) -> Form:
    """By how it begins: PAR1, an opening brace, or anything else."""
    with path.open("rb") as file:
        start = file.read(1024)
    if start[:4] == b"PAR1":
        return "parquet"
    return "json lines" if start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{" else "csv"


def delimiter_of(path: Path) -> str:
    """A tab if the first line has one, else a comma."""
    with path.open("rb") as file:
        return "\t" if b"\t" in file.readline(LONGEST) else ","


def csv_rows(path: Path) -> Iterator[Row]:
    """Rows below a header line; empty lines are none. Raises DataError naming the line."""
    delimiter = delimiter_of(path)
    csv.field_size_limit(LONGEST)
    reader = csv.reader(_lines(path), delimiter=delimiter, strict=True)
    header: list[str] = []
    while True:
        line = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            hint = "Put quotes around fields that hold quotes or line ends, and write quotes within them twice."
            raise DataError(f"{path}: line {line} must be a row of a CSV file, got: {error}. {hint}") from None
        if not header:
            header = fields
            if len(set(header)) < len(header):
                raise DataError(f"{path}: each column must have a name of its own, got one twice. Rename it.")
        elif len(fields) != len(header) and fields:
            hint = f"Put quotes around fields that hold {'tabs' if delimiter != ',' else 'commas'}."
            raise DataError(f"{path}: line {line} must hold {len(header)} fields, got {len(fields)}. {hint}")
        elif fields:
            yield f"line {line}", dict(zip(header, fields, strict=True))


def json_rows(path: Path) -> Iterator[Row]:
    """One JSON object a line; empty lines are none. Raises DataError naming the line."""
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            got = "lists within lists" if isinstance(error, RecursionError) else str(error)
            raise DataError(f"{path}: line {number} must be a JSON object, got: {got}. Correct it.") from None
        if not isinstance(row, dict):
            raise DataError(f"{path}: line {number} must be a JSON object, got {line.strip()[:40]}. Correct it.")
        yield f"line {number}", row


def _lines(path: Path) -> Iterator[str]:
    """Lines in UTF-8, with their ends. Raises DataError naming the one that is in something else."""
    size = path.stat().st_size
    if size > half_of_memory():
        raise DataError(f"{path}: it must fit into half of this machine's memory, got {size:,} bytes. Cut it.")
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            try:
                yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                got = f"byte {raw[error.start]:#04x} at place {error.start + 1}"
                raise DataError(f"{path}: line {number} must be in UTF-8, got {got}. Save the file as UTF-8.") from None


def half_of_memory() -> int:
    """Bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
