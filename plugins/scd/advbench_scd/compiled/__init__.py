"""What all compiled code here shares: array types, the compiler, and a cache that never goes stale."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

Float32: TypeAlias = NDArray[np.float32]
Float64: TypeAlias = NDArray[np.float64]
Int64: TypeAlias = NDArray[np.int64]
UInt32: TypeAlias = NDArray[np.uint32]
UInt64: TypeAlias = NDArray[np.uint64]
Bool: TypeAlias = NDArray[np.bool_]
_Kernel = TypeVar("_Kernel", bound=Callable[..., object])


def kernel(function: _Kernel) -> _Kernel:
    """Compile without the GIL and keep the machine code on disk; the wrapper types numba's untyped decorator.

    A kernel is optimised anew inside each kernel that calls it, so chains of calls are kept short: what only says
    which kernel comes next is plain Python.
    """
    return cast("_Kernel", numba.njit(nogil=True, cache=True, error_model="numpy")(function))


def _forget_stale_code() -> None:
    """Remove kept machine code unless it was made from the sources in this folder as they are.

    numba looks at a kernel's own file only, and kernels here call each other across files.
    """
    sources = sorted(Path(__file__).parent.glob("*.py"))
    wanted = hashlib.sha256(b"".join(file.read_bytes() for file in sources)).hexdigest()
    folder = Path(str(numba.njit(cache=True)(_forget_stale_code).stats.cache_path))  # where numba keeps this folder's
    stamp = folder / "compiled-from"
    try:
        if stamp.exists() and stamp.read_text() == wanted:
            return
        folder.mkdir(parents=True, exist_ok=True)
        for kept in folder.glob("*.nb[ic]"):
            kept.unlink(missing_ok=True)
        stamp.write_text(wanted)
    except OSError:
        return  # a folder that cannot be written holds no kept code of ours either


_forget_stale_code()
