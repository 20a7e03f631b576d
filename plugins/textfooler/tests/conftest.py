"""Every test works with tiny resources, made once; those of the real ones are in test_textfooler_real.py."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A cache that holds what the attacks need."""
    from textfooler_case import write_resources

    from advbench_textfooler.pwws import Pwws
    from advbench_textfooler.textfooler import TextFooler

    folder = tmp_path_factory.mktemp("textfooler")
    write_resources(folder / "own")
    before = {name: os.environ.get(name) for name in ("ADVBENCH_CACHE_DIR", "ADVBENCH_DATA_DIR")}
    os.environ |= {"ADVBENCH_CACHE_DIR": str(folder / "cache"), "ADVBENCH_DATA_DIR": str(folder / "own")}
    TextFooler(sentence=None).supply().fetch()
    Pwws().supply().fetch()
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)
    return folder / "cache"


@pytest.fixture(autouse=True)
def cache(request, made, monkeypatch):
    monkeypatch.delenv("ADVBENCH_DATA_DIR", raising=False)
    if request.path.name != "test_textfooler_real.py":
        monkeypatch.setenv("ADVBENCH_CACHE_DIR", str(made))
    return made
