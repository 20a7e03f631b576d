"""kill -9 and SIGTERM while workers are at work: none outlives the run, and the same command ends as if undisturbed."""

import random
import signal
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
import engine_plugins
import one_file_plugins
from killing import differences, leftovers

WORDS = (
    "-D", "digits:classes=3/8", "-m", "means", "-m", "means:shake=.3", "-a", "slow:pause=.01", "-a", "learner",
    "-n", "24", "--max-queries", "40", "--max-prepare-queries", "10", "--save-adversarials",
)  # fmt: skip


def place_in(place, name):
    """A folder of its own with the plugins; and the words of the run."""
    root = place.root / name
    root.mkdir()
    own = type(place)(root, root / "cache")
    plugins = own.plugin("working", engine_plugins.WORKING), own.plugin("slow", one_file_plugins.SLOW)
    return own, (*(word for file in plugins for word in ("--plugin", file)), *WORDS)


def workers(place):
    """The ids of the worker processes, and of whatever they started, that work in that place."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            at_work = words[2].endswith(b"worker.py") or words[1:3] == [b"-c", b"read nothing; kill -9 0"]
            if at_work and (process / "cwd").readlink() == place.root:
                found.add(process.name)
        except (OSError, IndexError):
            continue
    return found


def wait_for(process, condition, seconds=60):
    limit = time.monotonic() + seconds
    while not condition() and process.poll() is None:
        assert time.monotonic() < limit, "nothing happened"
        time.sleep(0.01)


def shards(place):
    return {path: path.stat().st_ino for path in place.out.glob("parts/*/shard-?????.parquet")}


def end(place, words, number, rng, shard=None):
    """Run with two workers, and send that signal a while after they are there, or after a shard is finished.

    Returns the exit code and what was printed.
    """
    before = shards(place)
    process = place.start("run", "--out", place.out, *words, "--jobs", "2")
    wait_for(process, lambda: workers(place) if shard is None else len(shards(place)) > len(before))
    time.sleep(rng.uniform(0, 4 if shard is None else 0.3))
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    limit = time.monotonic() + 2
    while (left := workers(place)) and time.monotonic() < limit:
        time.sleep(0.02)
    assert not left, f"workers outlive their run: {left}"
    if number == signal.SIGKILL:
        assert before.items() <= shards(place).items() or not shards(place), "a finished shard was attacked again"
    return process.returncode, out, err


def killed_and_finished(place, moments, seed):
    """How often a run was killed before its end; checks that what is left of it is that of a quiet one."""
    rng = random.Random(seed)
    quiet, words = place_in(place, "quiet")
    quiet.run(*words)
    own, words = place_in(place, "killed")
    codes = [end(own, words, signal.SIGKILL, rng, shard)[0] for shard in moments]
    own.run(*words, "--jobs", "2")
    assert not differences(own.out, quiet.out)
    assert leftovers(own.out) == leftovers(quiet.out)
    assert not list(own.root.glob("cache/contenders/.unfinished-*"))
    return codes.count(-signal.SIGKILL)


def test_kills_of_a_run_with_workers_leave_no_trace(place, record_property):
    kills = killed_and_finished(place, [None, "first", "next"], seed=21)
    assert kills >= 2
    record_property("kills", kills)


@pytest.mark.slow
def test_twenty_kills_of_a_run_with_workers_leave_no_trace(place, record_property):
    kills = sum(
        killed_and_finished(type(place)(folder, place.root), [None, "first", None, "next", "next"], seed)
        for seed, folder in enumerate(place.root / f"round{number}" for number in range(4))
        if folder.mkdir() is None
    )
    assert kills >= 12
    record_property("kills", kills)


@pytest.mark.parametrize("jobs", [(), ("--jobs", "2")])
def test_sigterm_ends_a_run_as_control_c_does(place, jobs):
    own, words = place_in(place, "terminated")
    process = own.start("run", "--out", own.out, *words, *jobs)
    wait_for(process, lambda: len(shards(own)) >= 2)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "incomplete" in out
    assert not workers(own)
    assert len(own.rows()) >= 16
    assert {row["code"] for row in own.rows("cells")} >= {"interrupted"}


def test_a_second_run_on_a_folder_is_refused_and_disturbs_nobody(place):
    own, words = place_in(place, "shared")
    process = own.start("run", "--out", own.out, *words, "--jobs", "2")
    wait_for(process, lambda: len(shards(own)) >= 1)
    second = own.call("run", "--out", own.out, *words, "--jobs", "2")
    assert "must be written by one process at a time" in " ".join(second.stderr.split())
    assert second.returncode == 2
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
