"""Killed at any moment, a report shows what it showed before or what it was about to show."""

import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from advbench.records.reader import Report
from advbench.records.writer import ReportWriter

A, B = {"fingerprint": "fa", "contender_digest": "da"}, {"fingerprint": "fb", "contender_digest": "da"}
TABLES = ("cells", "examples", "scores", "trace", "training")


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch):
    """Processes are killed here, not machines: what was written is there."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


class Killed(BaseException):
    """Stands for kill -9: no handler of the code under test may catch it."""


class KillAfter:
    """Lets so many changes of the disk through, then ends the process in all but name."""

    def __init__(self, monkeypatch, steps):
        self.steps, self.done = steps, 0
        self.armed = True
        for name in ("replace", "unlink", "rmdir", "mkdir"):
            monkeypatch.setattr(os, name, self.guard(getattr(os, name)))

    def guard(self, function):
        def guarded(*args, **named):
            if self.armed:
                if self.done == self.steps:
                    raise Killed
                self.done += 1
            return function(*args, **named)

        return guarded


def shard(writer, cell_id, number, ids, identity, queries):
    examples = [{"example_id": i, "queries": queries} for i in ids]
    trace = [{"example_id": i, "query": queries} for i in ids]
    writer.write_shard(cell_id, number, **identity, examples=examples, trace=trace)


def prepare(root):
    """Three compacted cells; then one goes on, one is redone under new code, one is new."""
    with ReportWriter.open(root) as writer:
        for cell_id in ("goes-on", "redone", "rests"):
            writer.write_cell({"cell_id": cell_id, "status": "ok", **A})
            shard(writer, cell_id, 0, [1, 2], A, queries=1)
            writer.write_scores(cell_id, [{"metric": "m", "value": 1.0}])
        writer.write_training([{"contender_digest": "da", "epoch": 1}])
        writer.compact()
        writer.write_cell({"cell_id": "goes-on", "status": "ok", **A})
        shard(writer, "goes-on", 1, [2, 3], A, queries=2)
        writer.write_scores("goes-on", [{"metric": "m", "value": 2.0}])
        writer.write_cell({"cell_id": "redone", "status": "ok", **B})
        shard(writer, "redone", 0, [2], B, queries=3)
        writer.write_cell({"cell_id": "new", "status": "ok", **A})
        shard(writer, "new", 0, [7], A, queries=4)
        writer.write_training([{"contender_digest": "db", "epoch": 1}])


@pytest.fixture
def prepared(tmp_path):
    """A maker of fresh copies of one prepared report."""
    prepare(tmp_path / "prepared")

    def copy(name):
        return Path(shutil.copytree(tmp_path / "prepared", tmp_path / str(name)))

    return copy


def view(root):
    report = Report.open(root)
    return {name: report.table(name).to_pylist() for name in TABLES}


def run_killed(monkeypatch, root, steps, work):
    """Do `work(writer)` until killed; say whether it was."""
    writer = ReportWriter.open(root)
    with monkeypatch.context() as patch:
        killer = KillAfter(patch, steps)
        try:
            work(writer)
        except Killed:
            return True
        finally:
            killer.armed = False
            writer._lock._close()  # what the system does for a dead process
    return False


def test_compaction_killed_at_any_step_changes_nothing_that_can_be_seen(prepared, monkeypatch):
    expected = view(prepared("untouched"))
    steps, killed = 0, True
    while killed:
        root = prepared(steps)
        killed = run_killed(monkeypatch, root, steps, lambda writer: writer.compact())
        assert view(root) == expected, f"after {steps} steps"
        with ReportWriter.open(root) as writer:
            assert writer.known("redone").judged == {(2, None)}
            assert writer.known("goes-on").judged == {(1, None), (2, None), (3, None)}
            writer.compact()
            assert view(root) == expected
            assert writer.damaged == []
        left = sorted(path.name for path in root.rglob("*") if path.is_file() and path.name != ".lock")
        assert left == sorted(["run.json", *(f"{name}.parquet" for name in TABLES)])
        steps += 1
    assert steps > 20


def test_a_cell_dropped_after_a_killed_compaction_falls_back_to_one_identity(prepared, monkeypatch):
    """The trap: new rows already in place, the old cell row still there, the parts gone."""
    steps, killed = 0, True
    while killed:
        root = prepared(steps)
        killed = run_killed(monkeypatch, root, steps, lambda writer: writer.compact())
        with ReportWriter.open(root) as writer:
            writer.drop("redone")
            known = writer.known("redone")
        assert (known.fingerprint, known.judged) in [("fa", {(1, None), (2, None)}), ("fb", {(2, None)})]
        steps += 1


@pytest.mark.parametrize(
    "work",
    [
        lambda writer: shard(writer, "goes-on", 2, [9], A, 9),
        lambda writer: writer.write_cell({"cell_id": "goes-on", "status": "failed", **A}),
        lambda writer: writer.drop("goes-on"),
        lambda writer: writer.append_run({"request": "x"}),
        lambda writer: writer.write_training([{"contender_digest": "dc", "epoch": 1}]),
    ],
    ids=["shard", "cell", "drop", "run", "training"],
)
def test_a_killed_write_is_seen_whole_or_not_at_all(prepared, monkeypatch, work):
    whole = prepared("whole")
    before = (view(whole), Report.open(whole).runs)
    with ReportWriter.open(whole) as writer:
        work(writer)
    after = (view(whole), Report.open(whole).runs)
    assert after != before
    steps, killed = 0, True
    while killed:
        root = prepared(steps)
        killed = run_killed(monkeypatch, root, steps, work)
        assert (view(root), Report.open(root).runs) in (before, after)
        with ReportWriter.open(root) as writer:  # sweeps
            assert not list(root.rglob(".tmp-*"))
            assert writer.damaged == []
        steps += 1


def test_a_shard_killed_while_redone_is_told_and_the_rest_stays(tmp_path, monkeypatch):
    steps, killed = 0, True
    while killed:
        root = tmp_path / str(steps)
        with ReportWriter.open(root) as writer:
            writer.write_cell({"cell_id": "c", "status": "failed", "code": "interrupted", **A})
            shard(writer, "c", 0, [1], A, queries=1)
            shard(writer, "c", 1, [2], A, queries=1)
        killed = run_killed(monkeypatch, root, steps, lambda writer: shard(writer, "c", 1, [2, 3], A, 2))
        report = Report.open(root)
        rows = {(row["example_id"], row["queries"]) for row in report.examples.to_pylist()}
        assert rows in ({(1, 1), (2, 1)}, {(1, 1)}, {(1, 1), (2, 2), (3, 2)})
        assert bool(report.damaged) == (rows == {(1, 1)})
        assert report.trace.num_rows == len(rows)
        steps += 1


WORKER = """
import sys
from advbench.records.writer import ReportWriter
writer = ReportWriter.open(sys.argv[1])
same = {"fingerprint": "f", "contender_digest": "d"}
writer.write_cell({"cell_id": "c", "status": "failed", "code": "interrupted", **same})
for number in range(10**6):
    rows = [{"example_id": 4 * number + i} for i in range(4)]
    writer.write_shard("c", number, **same, examples=rows, trace=[])
    print(number, flush=True)
    if number % 5 == 4:
        writer.compact()
"""


def test_kill_9_leaves_no_lock_and_loses_only_the_shard_in_flight(tmp_path):
    for reached in ("3", "9"):
        root = tmp_path / reached
        worker = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(root)], stdout=subprocess.PIPE, text=True, env=os.environ
        )
        try:
            printed = list(itertools.takewhile(lambda line, last=reached: line.strip() != last, worker.stdout))
            time.sleep(0.004)
        finally:
            os.kill(worker.pid, signal.SIGKILL)
            worker.wait()
            worker.stdout.close()
        with ReportWriter.open(root) as writer:
            judged = {example for example, _ in writer.known("c").judged}
            assert writer.damaged == []
            assert judged == set(range(len(judged)))
            assert len(judged) % 4 == 0
            assert len(judged) >= 4 * (len(printed) + 1)
            writer.compact()
        assert Report.open(root).examples["example_id"].to_pylist() == sorted(judged)
