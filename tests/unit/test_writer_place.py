"""Where a report may be, and that one process at a time writes to it."""

import errno
import json
import os
import subprocess
import sys

import pytest

from advbench.contract.errors import ReportError
from advbench.records import files
from advbench.records.reader import Report
from advbench.records.writer import ReportWriter


def finished(root):
    with ReportWriter.open(root) as writer:
        writer.write_cell({"cell_id": "c", "status": "ok"})
        writer.compact()
    return root


def test_an_absent_or_empty_folder_becomes_a_report(tmp_path):
    for path in (tmp_path / "a" / "b", tmp_path):
        with ReportWriter.open(path) if path != tmp_path else ReportWriter.open(path / "empty") as writer:
            assert json.loads((writer.root / "run.json").read_text()) == []
    (tmp_path / "made").mkdir()
    ReportWriter.open(str(tmp_path / "made")).close()


def test_a_file_or_a_folder_of_something_else_is_refused_and_left_alone(tmp_path):
    (tmp_path / "file").write_text("precious")
    with pytest.raises(ReportError, match="must be a folder, got a file"):
        ReportWriter.open(tmp_path / "file")
    thesis = tmp_path / "thesis"
    thesis.mkdir()
    (thesis / "chapter.tex").write_text("precious")
    with pytest.raises(ReportError, match=r"holding 'chapter\.tex'.*--out"):
        ReportWriter.open(thesis)
    assert os.listdir(thesis) == ["chapter.tex"]


def test_a_writer_killed_at_its_very_start_leaves_a_folder_that_opens(tmp_path):
    (tmp_path / ".lock").touch()
    (tmp_path / ".tmp-run.json").write_text("[")
    ReportWriter.open(tmp_path).close()
    assert sorted(os.listdir(tmp_path)) == [".lock", "run.json"]


@pytest.mark.parametrize("text", ["[{", "{}", "[1]", '[{"schema_version": "x"}]', ""])
def test_a_damaged_run_json_is_told(tmp_path, text):
    finished(tmp_path / "r")
    (tmp_path / "r" / "run.json").write_text(text)
    for open_ in (ReportWriter.open, Report.open):
        with pytest.raises(ReportError, match=r"run\.json: it must be a JSON list.*Restore"):
            open_(tmp_path / "r")


def test_a_newer_report_is_refused(tmp_path, monkeypatch):
    root = finished(tmp_path / "r")
    (root / "run.json").write_text('[{"schema_version": 2}]')
    for open_ in (ReportWriter.open, Report.open):
        with pytest.raises(ReportError, match="schema_version must be 1 or less, got 2. Install"):
            open_(root)
    (root / "run.json").write_text("[]")
    monkeypatch.setattr(files, "SCHEMA_VERSION", 0)
    for open_ in (ReportWriter.open, Report.open):
        with pytest.raises(ReportError, match=r"parquet: schema_version must be 0 or less, got 1"):
            open_(root)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO])
def test_what_the_disk_refuses_is_said_in_its_own_words(tmp_path, monkeypatch, number):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    with ReportWriter.open(tmp_path / "open") as writer:
        monkeypatch.setattr(os, "fsync", refuse)
        for work in (
            lambda: writer.write_cell({"cell_id": "c", "status": "ok"}),
            lambda: writer.write_shard("c", 0, fingerprint="f", contender_digest="d", examples=[], trace=[]),
            lambda: writer.append_run({}),
            lambda: writer.compact(),
            lambda: ReportWriter.open(tmp_path / "other"),
        ):
            with pytest.raises(ReportError, match=f"{os.strerror(number)}.*--out"):
                work()
    monkeypatch.undo()
    ReportWriter.open(tmp_path / "other").close()  # a failed opening holds no lock


OTHER = """
import sys
from advbench.contract.errors import ReportError
from advbench.records.writer import ReportWriter
try:
    ReportWriter.open(sys.argv[1]).close()
except ReportError as error:
    print(error)
"""


def other_process(root):
    run = subprocess.run(
        [sys.executable, "-c", OTHER, str(root)], capture_output=True, text=True, check=True, env=os.environ
    )
    return run.stdout.strip()


def test_a_second_process_is_told_who_writes(tmp_path):
    with ReportWriter.open(tmp_path / "r"):
        told = other_process(tmp_path / "r")
        assert f"process {os.getpid()} on " in told
        assert " since 20" in told
        assert told.endswith("Wait for it, stop it, or choose another folder with --out.")
        with pytest.raises(ReportError, match=f"process {os.getpid()}"):
            ReportWriter.open(tmp_path / "r")
    assert other_process(tmp_path / "r") == ""


ORPHAN = """
import os, sys, time
from advbench.records.writer import ReportWriter
writer = ReportWriter.open(sys.argv[1])
child = os.fork()
if not child:
    os.close(1)  # let the parent's reader see the end
    time.sleep(60)
    os._exit(0)
print(child, flush=True)
os._exit(9)
"""


def test_a_forked_worker_that_outlives_its_parent_holds_no_lock(tmp_path):
    run = subprocess.run(
        [sys.executable, "-c", ORPHAN, str(tmp_path / "r")], stdout=subprocess.PIPE, text=True, env=os.environ
    )
    child = int(run.stdout)
    try:
        assert run.returncode == 9
        ReportWriter.open(tmp_path / "r").close()
    finally:
        os.kill(child, 9)
