"""Every test has a cache of its own, except those of the real sets."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def cache(request, tmp_path, monkeypatch):
    if request.path.name != "test_data_real.py":
        monkeypatch.setenv("ADVBENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("ADVBENCH_DATA_DIR", raising=False)
    return tmp_path / "cache"
