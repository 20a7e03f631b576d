"""The idx format of MNIST and Fashion-MNIST: a magic number, sizes, and bytes; plain or gzipped."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from advbench import DataError

_MOST = 1 << 28  # bytes, five times MNIST; what a header announces is not believed beyond this


def read_idx(path: Path, axes: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """uint8 array with that many axes. Raises DataError if the file is anything else."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            magic = file.read(4)
            if magic != bytes((0, 0, 8, axes)):
                raise DataError(
                    f"{path}: an idx file of bytes must begin 0008{axes:02d}, got {magic.hex()}. Get it again."
                )
            shape = tuple(int.from_bytes(file.read(4), "big") for _ in range(axes))
            size = math.prod(shape)
            if not 0 < size <= _MOST:
                raise DataError(f"{path}: it must hold 1 to {_MOST:,} bytes, got {size:,} by its header. Get it again.")
            body = file.read(size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: it must be whole, got: {error}. Get it again.") from None
    if len(body) != size:
        got = "more" if len(body) > size else f"{len(body):,}"
        raise DataError(f"{path}: it must hold {size:,} bytes as its header says, got {got}. Get it again.")
    return np.frombuffer(body, np.uint8).reshape(shape)
