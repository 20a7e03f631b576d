"""`advbench merge` as people type it."""

import os
import subprocess
import sys

import pytest

from advbench.contract.errors import ReportError
from advbench.records.reader import Report
from advbench.records.writer import ReportWriter


def report(root, cell_id, fingerprint="f", compact=True):
    same = {"fingerprint": fingerprint, "contender_digest": "d"}
    with ReportWriter.open(root) as writer:
        run = writer.append_run({"request": root.name})
        writer.write_cell({"cell_id": cell_id, "run": run, "status": "ok", "finished_at": len(fingerprint), **same})
        writer.write_shard(cell_id, 0, **same, examples=[{"example_id": 1}], trace=[])
        if compact:
            writer.compact()
    return root


def advbench(*words):
    command = [sys.executable, "-m", "advbench", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | {"NO_COLOR": "1"})


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda handle: None)


def test_two_reports_become_one_and_what_was_left_out_is_said(tmp_path):
    one, two = report(tmp_path / "one", "a"), report(tmp_path / "two", "b", compact=False)
    other = report(tmp_path / "other", "a", fingerprint="newer")
    done = advbench("merge", one, two, other, "--out", tmp_path / "all")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"2 cells with 2 rows of 3 reports are in {tmp_path / 'all'}\n"
    assert "note: 1 cell of" in done.stderr
    assert Report.open(tmp_path / "all").cells["fingerprint"].to_pylist() == ["newer", "f"]


def test_what_cannot_be_merged_ends_in_one_line(tmp_path):
    one = report(tmp_path / "one", "a")
    for words, told in (
        ((one, "--out", one), "error: merge: --out must be none of the reports"),
        (
            (one, tmp_path / "gone", "--out", tmp_path / "all"),
            f"error: report {tmp_path / 'gone'}: it must be a folder",
        ),
        ((one, "--out", __file__), "error: report"),
    ):
        done = advbench("merge", *words)
        assert done.returncode == ReportError.exit_code
        assert done.stderr.startswith(told)
        assert "Traceback" not in done.stderr
