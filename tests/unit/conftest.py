"""Fixtures of several files."""

import sys

import pytest
from discovery_case import Place


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("ADVBENCH_PLUGINS", raising=False)
    before = set(sys.modules)
    yield Place(tmp_path)
    for name in set(sys.modules) - before:
        if name.startswith(("toy_", "advbench_file_")):
            del sys.modules[name]
