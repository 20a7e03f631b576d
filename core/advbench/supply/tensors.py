"""The header of a safetensors file, looked at before anything else in it is.

The format (https://github.com/huggingface/safetensors): eight bytes with the header's length, little end first;
the header, a JSON object with dtype, shape and offsets of each tensor; then their bytes, one after the other.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .bounded import parse_json

_BITS: Mapping[str, int] = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
    "I32": 32, "U32": 32, "F32": 32, "C64": 64, "F64": 64, "I64": 64, "U64": 64,
}  # fmt: skip
_HEADER, _TENSORS, _AXES, _LONGEST = 1 << 24, 100_000, 16, 1 << 48  # bytes, tensors, axes of one, length of an axis


def read_tensors(path: Path) -> bytes:
    """The bytes of a whole safetensors file. Raises ValueError, before it is read, if it cannot be one."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > _memory():
            raise ValueError(f"{size:,} bytes, which is more than this machine's memory")
        check_tensors(file.read(8 + _HEADER), size)
        file.seek(0)
        return file.read(size)


def check_tensors(data: bytes, size: int | None = None) -> None:
    """Raise ValueError unless the header fits the file. `data`: its beginning; `size`: of all of it, in bytes.

    Every tensor must be of a known type and as long as its shape says, and together they must fill the rest
    of the file, with nothing between them and nothing twice.
    """
    size = len(data) if size is None else size
    length = int.from_bytes(data[:8], "little")
    if size < 8 or length > min(size - 8, _HEADER) or length > len(data) - 8:
        raise ValueError(f"a header of {length:,} bytes in a file of {size:,}")
    header = parse_json(data[8 : 8 + length])
    if not isinstance(header, dict):
        raise ValueError("a header that is no table")
    notes = header.pop("__metadata__", {})
    if not isinstance(notes, dict) or not all(isinstance(note, str) for note in notes.values()):
        raise ValueError("notes that are no texts")
    if len(header) > _TENSORS:
        raise ValueError(f"{len(header):,} tensors")
    end = 0
    for start, stop in sorted(_span(name, entry) for name, entry in header.items()):
        if start != end:
            raise ValueError(f"a tensor that begins at byte {start:,} instead of {end:,}")
        end = stop
    if end != size - 8 - length:
        raise ValueError(f"tensors of {end:,} bytes in {size - 8 - length:,}")


def _span(name: str, entry: Any) -> tuple[int, int]:
    """Where a tensor begins and ends."""
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"tensor {name!r} without dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _BITS:
        raise ValueError(f"tensor {name!r} of type {dtype!r}")
    if not _are_sizes(shape) or len(shape) > _AXES or math.prod(max(1, one) for one in shape) > _LONGEST:
        raise ValueError(f"tensor {name!r} of shape {shape!r}")
    if not _are_sizes(offsets) or len(offsets) != 2:
        raise ValueError(f"tensor {name!r} at {offsets!r}")
    start, stop = offsets
    if (stop - start) * 8 != math.prod(shape) * _BITS[dtype]:
        raise ValueError(f"tensor {name!r} of shape {shape!r} in {stop - start:,} bytes")
    return start, stop


def _are_sizes(value: Any) -> bool:
    """Whether it is a list of whole numbers, none of them negative."""
    return isinstance(value, list) and all(type(one) is int and 0 <= one <= _LONGEST for one in value)


def _memory() -> int:
    """Bytes of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
