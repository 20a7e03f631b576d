"""Tables too large to hold: read and written a stretch at a time, in the order of their cells."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..contract.errors import ReportError
from .arrays import codes
from .files import fitting, opened, parquet_writer
from .tables import widened

GROUP = 1 << 16  # rows of a row group, and of what is read at once
Stretch: TypeAlias = pa.Table  # rows in order of cell_id, which may begin and end within a cell


def read_stretches(
    path: Path, name: str, columns: Sequence[str] | None = None, encoded: Sequence[str] = (), rows: int = GROUP
) -> Iterator[Stretch]:
    """Read a stored table from its beginning, some columns or all, at most so many rows at once.

    It must be sorted by cell_id, which must be among the columns. Raises ReportError as `read_parquet`.
    """
    with opened(path, encoded) as (file, _):
        there = None if columns is None else [column for column in columns if column in file.schema_arrow.names]
        last = ""
        for group in range(file.num_row_groups):  # in one go, pyarrow would keep the bytes of all that it has read
            for batch in file.iter_batches(rows, row_groups=[group], columns=there):
                table = fitting(path, name, pa.Table.from_batches([batch]), columns, encoded)
                if table.num_rows:
                    last = _sorted_from(path, last, table["cell_id"])
                    yield table


def ahead(stretches: Iterator[Stretch]) -> Iterator[Stretch]:
    """The same, each one read while the one before is worked on."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, stretches, None)
        while (stretch := coming.result()) is not None:
            coming = pool.submit(next, stretches, None)
            yield stretch


class Cursor:
    """Walks over stretches cell by cell; cells must be asked for in ascending order."""

    def __init__(self, stretches: Iterable[Stretch], empty: pa.Table) -> None:
        self._stretches = iter(stretches)
        self._rest: Stretch = empty
        self._empty = empty

    def before(self, cell_id: str | None) -> Iterator[Stretch]:
        """All rows that come before the cell; None: all that are left."""
        while self._fill():
            end = self._rest.num_rows if cell_id is None else self._position(cell_id, after=False)
            if end:
                yield self._take(end)
            if self._rest.num_rows:
                return

    def of(self, cell_id: str) -> pa.Table:
        """The rows of the cell, empty if it has none; those before it must have been taken."""
        found: list[pa.Table] = []
        while self._fill():
            end = self._position(cell_id, after=True)
            if end:
                found.append(self._take(end))
            if self._rest.num_rows:
                break
        return pa.concat_tables(found) if found else self._empty

    def _fill(self) -> bool:
        while not self._rest.num_rows:
            following = next(self._stretches, None)
            if following is None:
                return False
            self._rest = following
        return True

    def _take(self, end: int) -> Stretch:
        taken, self._rest = self._rest.slice(0, end), self._rest.slice(end)
        return taken

    def _position(self, cell_id: str, after: bool) -> int:
        """How many rows belong to cells before this one, with its own if `after`."""
        column, low, high = self._rest["cell_id"], 0, self._rest.num_rows
        while low < high:
            middle = (low + high) // 2
            found = column[middle].as_py()
            if found < cell_id or (after and found == cell_id):
                low = middle + 1
            else:
                high = middle
        return low


def cells_of(stretches: Iterable[Stretch]) -> Iterator[tuple[str, pa.Table]]:
    """Cut stretches, whose cell_id is a dictionary, into cells."""
    held: list[pa.Table] = []
    current: str | None = None
    for stretch in stretches:
        if not stretch.num_rows:
            continue
        starts, names = _runs(stretch["cell_id"])
        for start, end, name in zip(starts, [*starts[1:], stretch.num_rows], names, strict=True):
            if name != current and current is not None:
                yield current, pa.concat_tables(held) if len(held) > 1 else held[0]
                held = []
            current = name
            held.append(stretch.slice(start, end - start))
    if current is not None:
        yield current, pa.concat_tables(held) if len(held) > 1 else held[0]


class Sink:
    """A table that is being written: row groups of `GROUP` rows, whatever pieces come in."""

    def __init__(self, path: Path, schema: pa.Schema, metadata: Mapping[str, str]) -> None:
        self._path, self._schema = path, schema
        self._writer: Any = parquet_writer(path, schema, metadata)
        self._waiting: list[pa.Table] = []
        self._rows = 0

    def write(self, table: pa.Table) -> None:
        """Add rows; notes that the table lacks are null."""
        self._waiting.append(widened(table, self._schema))
        self._rows += table.num_rows
        if self._rows >= GROUP:
            whole = pa.concat_tables(self._waiting)
            end = self._rows - self._rows % GROUP
            self._writer.write_table(whole.slice(0, end), row_group_size=GROUP)
            self._waiting, self._rows = [whole.slice(end)], self._rows - end

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what waits, and make it survive a power cut."""
        if kind is None and self._rows:
            self._writer.write_table(pa.concat_tables(self._waiting))
        self._writer.close()
        if kind is None:
            with self._path.open("rb+") as file:
                os.fsync(file.fileno())


def _sorted_from(path: Path, last: str, column: pa.ChunkedArray) -> str:
    """The last cell_id of the column; raises ReportError unless it ascends from `last`."""
    if column.null_count:
        ascends = False
    elif pa.types.is_dictionary(column.type):
        _, names = _runs(column)
        ascends = names == sorted(names) and names[0] >= last
    else:
        ascends = column[0].as_py() >= last and pc.all(pc.less_equal(column[:-1], column[1:]), min_count=0).as_py()
    if not ascends:
        raise ReportError(
            f"{path}: its rows must be sorted by cell_id, got others. "
            "Restore the file from a copy, or run again into another folder."
        )
    return str(column[-1].as_py())


def _runs(column: pa.ChunkedArray) -> tuple[list[int], list[str]]:
    """Where runs of equal values start in a dictionary column without nulls, and those values."""
    indices, words = codes(column)
    starts = np.flatnonzero(np.concatenate([[True], indices[1:] != indices[:-1]])) if len(indices) else np.empty(0, int)
    return starts.tolist(), [str(words[code]) for code in indices[starts].tolist()]
