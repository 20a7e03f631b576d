"""Arrow columns as numpy arrays.

pyarrow's own conversions import pandas on first use, and a leaderboard would wait for
that longer than for anything else. These read the buffers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


def real(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    """A float64 or int64 column as float64 (n,), null as NaN."""
    array = column.combine_chunks()
    found = _data(array, np.dtype(array.type.to_pandas_dtype())).astype(np.float64)
    if array.null_count:
        found[~_valid(array)] = np.nan
    return found


def whole(column: pa.ChunkedArray, null: int) -> npt.NDArray[np.int64]:
    """An int64 column as int64 (n,), null as `null`."""
    array = column.combine_chunks()
    found = _data(array, np.dtype(np.int64)).copy()
    if array.null_count:
        found[~_valid(array)] = null
    return found


def codes(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.int64], list[str | None]]:
    """A text column as positions (n,) in a list of its distinct values, null among them.

    Of a dictionary column the list is the dictionary, which may hold more.
    """
    array = column.combine_chunks()
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode(null_encoding="encode")
        return _data(array.indices, np.dtype(np.int32)).astype(np.int64), array.dictionary.to_pylist()
    words = array.dictionary.to_pylist()
    found = _data(array.indices, np.dtype(np.int32)).astype(np.int64)
    if array.null_count:
        found[~_valid(array)] = len(words)
        words.append(None)
    return found, words


def _data(array: Any, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    buffer = array.buffers()[1]
    if buffer is None or not len(array):
        return np.empty(0, dtype)
    return np.frombuffer(buffer, dtype, count=len(array), offset=array.offset * dtype.itemsize)


def _valid(array: Any) -> npt.NDArray[np.bool_]:
    valid = pc.is_valid(array)
    bits = np.unpackbits(np.frombuffer(valid.buffers()[1], np.uint8), bitorder="little")
    return bits[valid.offset : valid.offset + len(valid)].astype(bool)
