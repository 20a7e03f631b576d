"""Volumes in NIfTI-1, plain or gzipped: a header of 348 bytes, then numbers, first axis fastest."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from advbench import DataError

_TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4"}
_MOST, _FARTHEST = 1 << 28, 1 << 20  # bytes of numbers, fifteen times a brain; where they may begin


def read_nifti(path: Path) -> np.ndarray[Any, Any]:
    """float32 (X, Y, Z), scaled as the header says. Raises DataError for anything else."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            header = file.read(348)
            order = "<" if header[:4] == (348).to_bytes(4, "little") else ">"
            if len(header) < 348 or header[344:347] not in (b"n+1", b"ni1"):
                raise DataError(f"{path}: it must be a NIfTI-1 volume, got another file. Get it again.")
            axes, *shape = np.frombuffer(header, f"{order}i2", 8, 40).tolist()
            kind = int(np.frombuffer(header, f"{order}i2", 1, 70)[0])
            start, slope, shift = np.frombuffer(header, f"{order}f4", 3, 108).tolist()
            shape = shape[:3]
            if axes < 3 or min(shape) < 1 or kind not in _TYPES:
                raise DataError(f"{path}: it must be a volume of numbers, got {axes} axes of type {kind}. Convert it.")
            if not 0 <= start <= _FARTHEST or not math.isfinite(slope) or not math.isfinite(shift):
                raise DataError(f"{path}: its numbers must begin near the header, got {start:g}. Get it again.")
            file.read(max(0, int(start) - 348))
            dtype = np.dtype(order + _TYPES[kind])
            size = math.prod(shape) * dtype.itemsize
            body = file.read(size) if size <= _MOST else b""
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: it must be whole, got: {error}. Get it again.") from None
    if len(body) != size:
        raise DataError(f"{path}: it must hold {size:,} bytes as its header says, got {len(body):,}. Get it again.")
    with np.errstate(over="ignore", invalid="ignore"):
        volume = np.frombuffer(body, dtype).reshape(shape, order="F").astype(np.float32)
        volume = volume if slope in (0.0, 1.0) and shift == 0.0 else volume * np.float32(slope) + np.float32(shift)
    if not np.isfinite(volume).all():
        raise DataError(f"{path}: its numbers must be finite, got NaN or infinity. Get it again.")
    return volume
