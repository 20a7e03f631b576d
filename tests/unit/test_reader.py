"""A report is read whole, or the reader is told which file is wrong and what to do."""

import os
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from advbench.contract.errors import ReportError
from advbench.records import compaction
from advbench.records.reader import Report
from advbench.records.writer import ReportWriter

A = {"fingerprint": "f", "contender_digest": "d"}
TABLES = ("cells", "examples", "scores", "trace", "training")


def begin(root, cell_id="c"):
    with ReportWriter.open(root) as writer:
        writer.append_run({"request": "x"})
        writer.write_cell({"cell_id": cell_id, "status": "ok", **A})
        writer.write_shard(
            cell_id, 0, **A, examples=[{"example_id": 1, "queries": 3}], trace=[{"example_id": 1, "query": 3}]
        )
        writer.write_scores(cell_id, [{"metric": "m", "value": 1.0}])
        writer.write_training([{"contender_digest": "d", "epoch": 1}])
    return root


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture
def begun(tmp_path):
    return begin(tmp_path / "r")


@pytest.fixture
def finished(begun):
    with ReportWriter.open(begun) as writer:
        writer.compact()
    return begun


def test_parts_alone_and_compacted_tables_read_alike(begun):
    before = {name: Report.open(begun).table(name) for name in TABLES}
    with ReportWriter.open(begun) as writer:
        writer.compact()
    report = Report.open(begun)
    for name in TABLES:
        assert getattr(report, name).equals(before[name])
        assert report.table(name).num_rows == 1
    assert report.runs[0]["request"] == "x"
    assert report.damaged == ()


def test_columns_can_be_chosen_from_parts_and_from_tables(begun):
    wanted = ["queries", "example_id"]
    expected = {"queries": [3], "example_id": [1]}
    assert Report.open(begun).table("examples", wanted).to_pydict() == expected
    with ReportWriter.open(begun) as writer:
        writer.compact()
    assert Report.open(begun).table("examples", wanted).to_pydict() == expected
    with pytest.raises(ReportError, match="column 'nonsense' must be there"):
        Report.open(begun).table("examples", ["nonsense"])


def test_no_folder_a_file_and_a_folder_of_something_else(tmp_path):
    with pytest.raises(ReportError, match=r"got nothing there.*advbench run"):
        Report.open(tmp_path / "absent")
    (tmp_path / "file").touch()
    with pytest.raises(ReportError, match="got a file"):
        Report.open(tmp_path / "file")
    with pytest.raises(ReportError, match=r"without run\.json"):
        Report.open(tmp_path)


def test_a_report_without_results_says_so(tmp_path):
    ReportWriter.open(tmp_path / "r").close()
    with pytest.raises(ReportError, match=r"nothing was finished yet.*advbench run"):
        Report.open(tmp_path / "r")


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("harm", ["missing", "truncated", "garbage", "foreign"])
def test_a_damaged_table_is_named(finished, name, harm):
    path = finished / f"{name}.parquet"
    if harm == "missing":
        path.unlink()
    elif harm == "truncated":
        path.write_bytes(path.read_bytes()[:-30])
    elif harm == "garbage":
        path.write_bytes(b"garbage")
    else:
        pq.write_table(pq.read_table(path).replace_schema_metadata({}), path)
    for open_ in (Report.open, ReportWriter.open):
        with pytest.raises(ReportError, match=f"{name}.*(Restore|Remove)"):
            open_(finished)


def test_a_flipped_bit_is_noticed(finished):
    path = finished / "examples.parquet"
    data = bytearray(path.read_bytes())
    data[40] ^= 255
    path.write_bytes(data)
    with pytest.raises(ReportError, match=r"examples\.parquet: it must be a whole Parquet file"):
        Report.open(finished).examples  # noqa: B018


def test_want_of_memory_is_told_though_python_says_nothing_of_it(finished, monkeypatch):
    def full(*about, **more):
        raise MemoryError

    monkeypatch.setattr(pq, "ParquetFile", full)
    with pytest.raises(ReportError, match="must be a whole Parquet file, got: MemoryError. Restore"):
        Report.open(finished).table("examples")


def test_tables_of_two_compactions_are_not_mixed(finished):
    old = (finished / "examples.parquet").read_bytes()
    begin(finished, "other")
    with ReportWriter.open(finished) as writer:
        writer.compact()
    (finished / "examples.parquet").write_bytes(old)
    with pytest.raises(ReportError, match="must stem from one compaction, got generations cells 2, examples 1"):
        Report.open(finished)


def test_a_report_compacted_while_it_is_read_is_told(begun):
    report = Report.open(begun)
    with ReportWriter.open(begun) as writer:
        writer.compact()
    with pytest.raises(ReportError, match="must not change while it is read"):
        report.examples  # noqa: B018


def test_a_report_compacted_while_it_is_opened_is_read_again(begun, monkeypatch):
    counts = iter([0, 1])
    real = compaction.generation
    monkeypatch.setattr(compaction, "generation", lambda root: next(counts, None) or real(root))
    assert Report.open(begun).examples.num_rows == 1


def test_a_reader_needs_no_lock(begun):
    with ReportWriter.open(begun):
        assert Report.open(begun).examples.num_rows == 1


def test_reading_imports_neither_torch_nor_pandas(finished):
    code = (
        "import sys; from advbench.records.reader import Report; r = Report.open(sys.argv[1]);"
        "r.cells, r.examples; print([m for m in ('torch', 'pandas', 'rich', 'scipy') if m in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(finished)], capture_output=True, text=True, check=True, env=os.environ
    )
    assert run.stdout.strip() == "[]"
