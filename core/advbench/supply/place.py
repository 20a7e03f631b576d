"""Where everything that can be made again is kept."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """$ADVBENCH_CACHE_DIR, else the platform's usual place."""
    chosen = os.environ.get("ADVBENCH_CACHE_DIR")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("advbench"))


def user_folder() -> Path | None:
    """$ADVBENCH_DATA_DIR: where a user keeps data of their own, searched before any address."""
    chosen = os.environ.get("ADVBENCH_DATA_DIR")
    return Path(chosen) if chosen else None
