"""A full or read-only disk is told in words and loses nothing finished; with room the same command ends well."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOM = "No space left on device"
# KiB of the report's disk at which it is full in one phase or another of a run that needs about 180.
FEW, MANY = ("56/152", "4"), ("4/8/16/24/32/48/56/64/80/96/112/136/152/160/168/176/192", "4/8/12/64")


def happened(root, sizes):
    """What small_disks.py tells, by kind of disk."""
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare (util-linux)")
    tried = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", root], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"needs the right to mount: {tried.stderr.strip()}")
    env = {**os.environ, "ADVBENCH_PLUGINS": "", "NO_COLOR": "1", "COLUMNS": "160", "PYTHONPATH": str(HERE)}
    command = ["unshare", "-m", sys.executable, str(HERE / "small_disks.py"), str(root), *sizes]
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr[-3000:]
    found = {}
    for line in done.stdout.splitlines():
        told = json.loads(line)
        found.setdefault(told["what"], []).append(told)
    return found


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    return happened(tmp_path_factory.mktemp("disks"), FEW)


@pytest.mark.parametrize("what", ["report", "cache"])
def test_a_full_disk_is_told_and_with_room_the_run_ends_well(few, what):
    for told in few[what]:
        check_full(what, told)
        enough = ROOM not in told["first"]["said"]
        assert not enough, f"{told['kib']} KiB were enough: make them fewer"


def check_full(what, told):
    first, again = told["first"], told["again"]
    assert first["crash"] is None
    assert again["crash"] is None
    if ROOM in first["said"]:
        # A report that cannot be written ends the run; a contender that cannot be kept is attacked all the same.
        assert first["code"] == (2 if what == "report" else 0), first["said"]
        assert f"{what} " in first["said"]
        assert ("--out" if what == "report" else "ADVBENCH_CACHE_DIR") in first["said"]
    else:
        assert first["code"] == 0, first["said"]
    assert again["code"] == 0, again["said"]
    assert told["unlike"] == []
    if told["shards"]:
        assert "judged before" in again["said"] or "done before (cached)" in again["said"]


def test_a_read_only_report_is_read_and_not_written(few):
    (told,) = few["read-only report"]
    assert [told[name]["crash"] for name in ("refused", "shown", "scored", "again")] == [None] * 4
    assert (told["shown"]["code"], told["again"]["code"]) == (0, 0)
    for name in ("refused", "scored"):
        assert told[name]["code"] == 2
        assert "Read-only file system" in told[name]["said"]
    assert "all of 2 cells were done before" in told["again"]["said"]


def test_a_read_only_cache_serves_what_it_holds(few):
    (told,) = few["read-only cache"]
    assert told["known"]["code"] == 0, told["known"]["said"]
    assert "loaded from the cache" in told["known"]["said"]
    assert told["unlike"] == []
    assert (told["new"]["code"], told["new"]["crash"]) == (0, None)
    assert "it serves this run alone, and another trains it again" in told["new"]["said"]
    assert "Read-only file system" in told["new"]["said"]
    assert "ADVBENCH_CACHE_DIR" in told["new"]["said"]


@pytest.mark.slow
def test_disks_that_are_full_at_every_phase(tmp_path):
    found = happened(tmp_path, MANY)
    for what in ("report", "cache"):
        for told in found[what]:
            check_full(what, told)
    left = {told["shards"] for told in found["report"] if told["first"]["code"]}
    assert len(left) >= 5  # among them the first write, several shards, and the end
    assert [told["first"]["code"] for told in found["report"]][-1] == 0
