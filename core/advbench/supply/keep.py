"""Work kept on the way: files that are whole or not there, on a disk that may refuse them."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


def keep_file(path: Path, data: bytes) -> bool:
    """Write the file under a temporary name and rename it: whoever reads it sees all or nothing.

    For checkpoints, which no training should end for: where the disk refuses (full, read-only, gone), it returns
    False, nothing is left behind, and what stood there before still stands. Folders are made as needed.
    """
    staging = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, staging = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(staging, path)
        staging = None
    except OSError:
        return False
    finally:
        if staging is not None:
            with contextlib.suppress(OSError):
                os.unlink(staging)
    return True
