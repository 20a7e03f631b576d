"""Tables are written and read a stretch at a time, and the order is checked on the way."""

import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from advbench.contract.errors import ReportError
from advbench.records import stream
from advbench.records.stream import Cursor, Sink, ahead, cells_of, read_stretches
from advbench.records.tables import make_table, schema


def rows(*cells):
    return make_table("trace", [{"cell_id": cell, "example_id": i, "query": i} for i, cell in enumerate(cells)])


def write(path, *tables):
    with Sink(path, schema("trace"), {}) as sink:
        for table in tables:
            sink.write(table)


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setattr(stream, "GROUP", 4)
    return tmp_path / "trace.parquet"


def test_row_groups_do_not_depend_on_the_pieces_that_come_in(path):
    whole = rows(*"aaabbcccdddd")
    for pieces in ([whole], [whole.slice(i, 1) for i in range(12)], [whole.slice(0, 7), whole.slice(7)]):
        write(path, *pieces)
        with pq.ParquetFile(path) as file:
            assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [4, 4, 4]
            assert file.read().equals(whole.replace_schema_metadata(file.schema_arrow.metadata))
    write(path)
    assert list(read_stretches(path, "trace")) == []


@pytest.mark.parametrize("encoded", [(), ("cell_id",)])
def test_rows_out_of_order_or_of_no_cell_are_told(path, encoded):
    for bad in ("aacb", "aaabbbba"):
        write(path, rows(*bad))
        with pytest.raises(ReportError, match=r"must be sorted by cell_id.*Restore"):
            list(read_stretches(path, "trace", encoded=encoded))
    nobody = rows(*"aab").set_column(0, schema("trace").field("cell_id"), pa.array(["a", None, "b"]))
    write(path, nobody)
    with pytest.raises(ReportError, match="must be sorted by cell_id"):
        list(read_stretches(path, "trace", encoded=encoded))


def test_a_cell_is_found_whole_wherever_stretches_end(path):
    write(path, rows(*"aaaaaabccccdd"))
    cells = dict(cells_of(read_stretches(path, "trace", encoded=["cell_id"])))
    assert {cell: table.num_rows for cell, table in cells.items()} == {"a": 6, "b": 1, "c": 4, "d": 2}
    cursor = Cursor(ahead(read_stretches(path, "trace")), make_table("trace", []))
    assert sum(table.num_rows for table in cursor.before("b")) == 6
    assert cursor.of("b")["example_id"].to_pylist() == [6]
    assert cursor.of("bb").num_rows == 0
    assert sum(table.num_rows for table in cursor.before("d")) == 4
    assert cursor.of("d").num_rows == 2
    assert list(cursor.before(None)) == []


def test_an_error_while_reading_ahead_comes_out(path):
    write(path, rows(*"aaaabbbbcccc"))
    data = bytearray(path.read_bytes())
    with pq.ParquetFile(path) as file:
        column = file.metadata.row_group(2).column(1)
    data[column.dictionary_page_offset + column.total_compressed_size - 1] ^= 1
    path.write_bytes(data)
    cells = cells_of(ahead(read_stretches(path, "trace", encoded=["cell_id"])))
    assert next(cells)[0] == "a"
    with pytest.raises(ReportError, match="whole Parquet file"):
        list(cells)


COMPACT = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from tests.bench.large_reports import PEAK, large_report
from advbench.records.reader import Report
from advbench.records.writer import ReportWriter
root = Path(sys.argv[1])
same = {"fingerprint": "f", "contender_digest": "new"}
large_report(root, 150, 10_000)
exec(PEAK)
before = used
if sys.argv[2] == "stream":
    with ReportWriter.open(root) as writer:
        for cell_id in ("0" * 16, "7" * 16):
            writer.write_cell({"cell_id": cell_id, "status": "ok", **same})
            writer.write_shard(cell_id, 0, **same, examples=[{"example_id": 1, "note_new": 1.0}], trace=[])
        writer.compact()
        assert writer.known("7" * 16).judged == {(1, None)}
    assert sum(rows.num_rows for _, rows in Report.open(root).by_cell("examples", ["example_id"])) == 1_500_002
else:
    Report.open(root).examples
exec(PEAK)
print(used - before)
"""


@pytest.mark.slow
def test_compacting_holds_no_table(tmp_path):
    """Above what generating took: 1.5 million rows are some 300 MiB as a table, which the bad toy shows."""
    grown = {}
    for how in ("stream", "whole"):
        run = subprocess.run(
            [sys.executable, "-c", COMPACT, str(tmp_path / how), how, "."], capture_output=True, text=True, check=True
        )
        grown[how] = float(run.stdout)
    assert grown["stream"] < 100, grown
    assert grown["whole"] > 200, grown
