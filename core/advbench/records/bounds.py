"""What a Parquet file may claim about itself, checked before anything is read by those claims."""

from __future__ import annotations

from typing import Any

_ROWS_PER_BYTE = 4096  # columns of one value each shrink to next to nothing, but every row has an id of its own
_EXPANSION = 16384  # zstd packs one value, repeated, some ten thousand times smaller
_SLACK = 1 << 20  # bytes, and rows, that any file may hold: in small ones the footer is most of it


def footer_limits(size: int) -> dict[str, int]:
    """The largest texts and lists that the footer of a file of `size` bytes may claim to hold."""
    return {"thrift_string_size_limit": max(size, 1), "thrift_container_size_limit": max(size, 1)}


def overclaim(metadata: Any, size: int) -> str:
    """Say what a file of `size` bytes claims and cannot hold, or nothing. `metadata`: a pyarrow FileMetaData."""
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    rows = sum(group.num_rows for group in groups)
    if metadata.num_rows != rows or any(group.num_rows < 0 for group in groups):
        return f"{metadata.num_rows} rows in a footer whose row groups hold {rows}"
    if rows > size * _ROWS_PER_BYTE + _SLACK:
        return f"{rows} rows in {size} bytes"
    for group in groups:
        for i in range(group.num_columns):
            column = group.column(i)
            packed, whole, values = column.total_compressed_size, column.total_uncompressed_size, column.num_values
            starts = [column.data_page_offset, column.dictionary_page_offset or column.data_page_offset]
            if packed < 0 or min(starts) < 0 or min(starts) + packed > size:
                return f"column '{column.path_in_schema}' at bytes {min(starts)} to {min(starts) + packed} of {size}"
            if not 0 <= whole <= packed * _EXPANSION + _SLACK:
                return f"column '{column.path_in_schema}' of {whole} bytes packed into {packed}"
            if values != group.num_rows:
                return f"column '{column.path_in_schema}' of {values} values in {group.num_rows} rows"
    return ""
