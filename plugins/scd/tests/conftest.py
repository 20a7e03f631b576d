"""Machine code is made before the first test, so that no test's clock runs meanwhile."""

import fcntl
import tempfile
from pathlib import Path

import numpy as np
import pytest

from advbench_scd.settings import Settings
from advbench_scd.training import train_vote


@pytest.fixture(autouse=True, scope="session")
def _compiled():
    """Train a vote of every kind: workers wait for the first, which keeps the code on disk for the others."""
    x, y = np.random.default_rng(0).random((8, 4), np.float32), np.arange(8) % 2
    with (Path(tempfile.gettempdir()) / "advbench-scd-compiling").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for variant in ("01", "ce", "01-bnn"):
            train_vote(x, y, Settings(variant=variant, mode="released", iterations=3), 0)
