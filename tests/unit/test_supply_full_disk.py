"""A disk that is really full: told in words, nothing left behind, no crash while writing mapped arrays."""

import subprocess

import numpy as np
import pytest

from advbench.contract.errors import DataError
from advbench.supply.resource import Resource
from advbench.supply.supplies import Supply

MIB = 1 << 20


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    try:
        allowed = subprocess.run(mount, capture_output=True).returncode == 0
    except FileNotFoundError:
        allowed = False
    if not allowed:
        pytest.skip("small disks can only be made by root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_arrays_that_do_not_fit_are_told_and_leave_nothing(small_disk, tmp_path, monkeypatch):
    monkeypatch.setenv("ADVBENCH_CACHE_DIR", str(small_disk))
    (tmp_path / "a.txt").write_text("words")

    def make(folder, writer):
        writer.create("fits", (MIB,), np.uint8)[...] = 1
        writer.create("x", (8 * MIB,), np.uint8)[...] = 1  # without room, writing into a map would kill the process
        return {}

    resource = Resource(name="words", license="none", home="https://example.org", layouts=(("a.txt",),))
    supply = Supply(spelling="words", key="words", resource=resource, make=make)
    with pytest.raises(DataError, match="must have room, got none left"):
        supply.fetch(path=tmp_path)
    assert supply.find() is None
    assert [path.name for path in small_disk.rglob("*") if path.is_file()] == [".lock"]
