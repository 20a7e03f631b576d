"""Files that lie, files with flipped bits, clocks that go back: told, and nothing is lost without a word."""

import os
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from advbench.contract.errors import ReportError
from advbench.records.files import read_parquet
from advbench.records.reader import Report
from advbench.records.tables import make_table, schema
from advbench.records.writer import ReportWriter
from advbench.report.leaderboard import build
from advbench.report.outcomes import in_order

A = {"fingerprint": "f", "contender_digest": "d"}


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda handle: None)


def varint(number):
    """As the footer of a Parquet file holds a 64-bit number: zigzag, seven bits a byte."""
    number, found = number << 1, bytearray()
    while number >= 128:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes(found) + bytes([number])


def forge(path, old, new):
    """Let the footer claim `new` wherever it says `old`."""
    data = path.read_bytes()
    length = int.from_bytes(data[-8:-4], "little")
    body, footer = data[: -8 - length], data[-8 - length : -8]
    assert varint(old) in footer
    footer = footer.replace(varint(old), varint(new))
    path.write_bytes(body + footer + len(footer).to_bytes(4, "little") + b"PAR1")


def stored(path, rows=77_777):
    table = make_table("trace", [{"cell_id": "c", "example_id": 1, "query": 1}])
    whole = pa.Table.from_arrays(
        [pa.array([table[i][0].as_py()] * rows, table[i].type) for i in range(5)], schema=schema("trace")
    )
    with pq.ParquetWriter(path, whole.schema, compression="zstd") as writer:
        writer.write_table(whole, row_group_size=rows)
    return path


def test_more_rows_than_the_file_can_hold_are_not_believed(tmp_path):
    path = stored(tmp_path / "trace.parquet")
    assert read_parquet(path, "trace")[0].num_rows == 77_777  # well packed is no lie
    forge(path, 77_777, 1 << 50)
    with pytest.raises(ReportError, match=rf"{path}: .* claims {1 << 50} rows in \d+ bytes"):
        read_parquet(path, "trace")


@pytest.mark.parametrize("field", ["total_uncompressed_size", "total_compressed_size"])
def test_columns_larger_than_the_file_can_hold_are_not_believed(tmp_path, field):
    path = tmp_path / "trace.parquet"
    draw = random.Random(0)
    rows = [{"cell_id": "c", "example_id": i, "query": i, "distance": draw.random()} for i in range(3000)]
    pq.write_table(make_table("trace", rows), path)
    with pq.ParquetFile(path) as file:
        size = getattr(file.metadata.row_group(0).column(4), field)
    forge(path, size, 1 << 60)
    with pytest.raises(ReportError, match="claims column '"):
        read_parquet(path, "trace")


def report(root, cells=("a", "b"), compact=True):
    with ReportWriter.open(root) as writer:
        for cell_id in cells:
            writer.write_cell({"cell_id": cell_id, "status": "ok", **A})
            rows = [{"example_id": i, "queries": 3 * i, "verdict": "held"} for i in range(3)]
            writer.write_shard(cell_id, 0, **A, examples=rows, trace=[{"example_id": 0, "query": 1}])
        if compact:
            writer.compact()
    return root


def view(root):
    opened = Report.open(root)
    return {name: opened.table(name).to_pylist() for name in ("cells", "examples", "scores", "trace", "training")}


@pytest.mark.parametrize("name", ["examples.parquet", "cells.parquet", "parts/a/shard-00000.parquet"])
def test_a_flipped_bit_is_told_or_changes_nothing(tmp_path, name):
    """Anywhere in the file, some two dozen bits, each in a copy of its own."""
    root = report(tmp_path / "r", compact="/" not in name)
    expected, path = view(root), root / name
    data, silent = path.read_bytes(), []
    draw = random.Random(1)
    for bit in range(draw.randrange(60), 8 * len(data), len(data) // 3):
        bad = bytearray(data)
        bad[bit // 8] ^= 1 << bit % 8
        path.write_bytes(bad)
        told = ""
        try:
            if view(root) != expected and not Report.open(root).damaged:
                silent.append(bit)
        except ReportError as error:
            told = str(error)
        assert not told or path.stem in told or "generations" in told
    assert not silent


def test_an_emptied_part_is_done_again_by_the_next_run(tmp_path):
    root = report(tmp_path / "r", compact=False)
    (root / "parts" / "a" / "shard-00000.parquet").write_bytes(b"")
    with ReportWriter.open(root) as writer:
        assert len(writer.known("a").judged) == 0
        writer.compact()
        assert "parts/a/shard-00000.parquet" in writer.damaged[0]
        writer.write_shard("a", 0, **A, examples=[{"example_id": i, "queries": 3 * i} for i in range(3)], trace=[])
        writer.compact()
    assert Report.open(root).examples["example_id"].to_pylist() == [0, 1, 2] * 2


CELL = {
    "dataset": "digits", "defense": "d", "attack": "zoo", "coverage": "Q", "gradient": "none", "norm": "l2", "eps": 1.0,
    "seed": 0, "status": "ok", "targeted": False, "n": 1,
}  # fmt: skip


def eligible(n, ids):
    return f'{{"rule": "all-correct", "n": {n}, "of": 9, "ids": "{ids}", "contenders": "k"}}'


def test_a_clock_that_went_back_hides_no_result(tmp_path):
    """The later run chose its examples anew; by its clock it ended before the earlier one."""
    with ReportWriter.open(tmp_path) as writer:
        for run, (minute, ids) in enumerate([(50, "old"), (3, "new")]):
            writer.append_run({"request": run})
            row = {"cell_id": ids, "run": run, "finished_at": minute * 60_000_000, "eligible": eligible(run + 1, ids)}
            writer.write_cell(CELL | row | A)
            example = {"example_id": 1, "label": 1, "clean_label": 1, "verdict": "held", "stop_reason": "budget"}
            writer.write_shard(ids, 0, **A, examples=[example], trace=[])
        writer.compact()
    (section,) = build([Report.open(tmp_path)]).sections
    assert section.eligible == "all-correct (2 of 9)"


def test_only_runs_of_one_folder_are_put_in_order():
    def cells(*pairs):
        return [{"run": run, "finished_at": moment} for run, moment in pairs]

    def ordered(found, runs):
        in_order(found, runs)
        return [cell["finished_at"] for cell in found]

    assert ordered(cells((0, 50), (1, 3), (1, 60), (None, 1), (2, None)), [{}, {}, {}]) == [50, 51, 60, 1, None]
    assert ordered(cells((1, 3), (0, 50)), [{}, {"merged_from": ["/other"]}]) == [3, 50]
    assert ordered(cells((7, 3), (0, 50)), [{}]) == [51, 50]  # of no known run: of this folder, and late
