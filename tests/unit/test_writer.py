"""What goes into a report comes back, and nothing foreign or damaged is used."""

import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from advbench.contract.errors import ReportError
from advbench.records.reader import Report
from advbench.records.writer import ReportWriter

A, B = {"fingerprint": "fa", "contender_digest": "da"}, {"fingerprint": "fb", "contender_digest": "da"}


def start(writer, cell_id, identity=A, **fields):
    writer.write_cell({"cell_id": cell_id, "status": "failed", "code": "interrupted", **identity, **fields})


def finish(writer, cell_id, identity=A, **fields):
    writer.write_cell({"cell_id": cell_id, "status": "ok", **identity, **fields})


def shard(writer, cell_id, number, ids, identity=A, queries=1, targets=(None,)):
    examples = [
        {"example_id": i, "target": target, "verdict": "held", "queries": queries} for i in ids for target in targets
    ]
    trace = [{"example_id": i, "query": queries, "distance": 0.5} for i in ids]
    writer.write_shard(cell_id, number, **identity, examples=examples, trace=trace)


def ids_of(path, cell_id="c"):
    rows = Report.open(path).examples.to_pylist()
    return [(row["example_id"], row["queries"]) for row in rows if row["cell_id"] == cell_id]


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "deep" / "report"


def test_a_cell_is_known_under_its_identity_in_parts_and_after_compaction(out):
    with ReportWriter.open(out) as writer:
        assert writer.known("c") is None
        start(writer, "c")
        assert writer.known("c").judged == frozenset()
        shard(writer, "c", 0, [1, 2], targets=[0, 1])
        shard(writer, "c", 1, [3])
        finish(writer, "c")
        expected = {(1, 0), (1, 1), (2, 0), (2, 1), (3, None)}
        for _ in range(2):
            known = writer.known("c")
            assert (known.fingerprint, known.contender_digest, known.status, known.code) == ("fa", "da", "ok", None)
            assert known.judged == expected
            writer.compact()
        assert writer.damaged == []


def test_compacted_rows_and_new_shards_of_one_identity_add_up(out):
    with ReportWriter.open(out) as writer:
        start(writer, "c")
        shard(writer, "c", 0, [1, 2])
        finish(writer, "c", n=2)
        writer.compact()
    with ReportWriter.open(out) as writer:
        start(writer, "c", n=4)
        shard(writer, "c", 0, [2, 3], queries=7)
        assert writer.known("c").judged == {(1, None), (2, None), (3, None)}
        finish(writer, "c", n=4)
        writer.compact()
    assert ids_of(out) == [(1, 1), (2, 7), (3, 7)]
    assert Report.open(out).cells["n"].to_pylist() == [4]
    assert [row["query"] for row in Report.open(out).trace.to_pylist()] == [1, 7, 7]


def test_another_identity_hides_old_rows_only_once_it_has_rows(out):
    with ReportWriter.open(out) as writer:
        start(writer, "c")
        shard(writer, "c", 0, [1, 2])
        writer.write_scores("c", [{"metric": "m", "value": 1.0}])
        finish(writer, "c")
        writer.compact()
        writer.drop("c")
        start(writer, "c", B)
        assert writer.known("c").fingerprint == "fb"
        assert writer.known("c").judged == frozenset()
        writer.compact()
        assert ids_of(out) == [(1, 1), (2, 1)]
        assert Report.open(out).cells["status"].to_pylist() == ["ok"]
        shard(writer, "c", 0, [2], B, queries=5)
        for _ in range(2):
            assert ids_of(out) == [(2, 5)]
            assert Report.open(out).scores.num_rows == 0
            assert Report.open(out).cells["fingerprint"].to_pylist() == ["fb"]
            writer.compact()


def test_a_failed_cell_of_another_identity_replaces_old_rows(out):
    with ReportWriter.open(out) as writer:
        start(writer, "c")
        shard(writer, "c", 0, [1])
        finish(writer, "c")
        writer.compact()
        writer.write_cell({"cell_id": "c", "status": "failed", "code": "training", **B})
        writer.compact()
    assert ids_of(out) == []
    assert Report.open(out).cells["code"].to_pylist() == ["training"]


def test_shards_of_an_identity_that_the_cell_no_longer_has_are_ignored_and_removed(out):
    with ReportWriter.open(out) as writer:
        start(writer, "c")
        shard(writer, "c", 0, [1])
        start(writer, "c", B)
        shard(writer, "c", 1, [2], B)
        assert writer.known("c").judged == {(2, None)}
        writer.compact()
        assert ids_of(out) == [(2, 1)]
        assert not (out / "parts" / "c").exists()


def test_scores_training_and_prepared_data_replace_what_had_their_key(out):
    with ReportWriter.open(out) as writer:
        finish(writer, "c")
        for value in (1.0, 2.0):
            writer.write_scores("c", [{"metric": "m", "value": value}, {"metric": f"only {value}", "value": value}])
            writer.write_training([{"contender_digest": "da", "epoch": 1, "loss": value}])
            writer.write_prepared("c", "net.safetensors", f"bytes {value}".encode())
            writer.compact()
        assert writer.read_prepared("c", "net.safetensors") == b"bytes 2.0"
        assert writer.read_prepared("c", "other") is None
        writer.drop("c")
        assert writer.read_prepared("c", "net.safetensors") is None
    scores = {row["metric"]: row["value"] for row in Report.open(out).scores.to_pylist()}
    assert scores == {"m": 2.0, "only 1.0": 1.0, "only 2.0": 2.0}
    assert Report.open(out).training["loss"].to_pylist() == [2.0]


def test_damaged_prepared_data_is_told_and_not_used(out):
    with ReportWriter.open(out) as writer:
        writer.write_prepared("c", "net", b"1234")
        (out / "prepared" / "c" / "net").write_bytes(b"12")
        assert writer.read_prepared("c", "net") is None
        assert "prepared again" in writer.damaged[0]


def test_invocations_are_listed_and_can_be_updated(out):
    with ReportWriter.open(out) as writer:
        assert writer.append_run({"request": "a"}) == 0
        assert writer.append_run({"request": "b"}) == 1
        writer.update_run(0, {"request": "a", "ended": True})
        with pytest.raises(ReportError, match="JSON"):
            writer.append_run({"bad": float("nan")})
    runs = json.loads((out / "run.json").read_text())
    assert [run["request"] for run in runs] == ["a", "b"]
    assert runs[0]["ended"]
    assert runs[0]["schema_version"] == 1


def test_rows_must_belong_to_their_cell_and_be_judged_once(out):
    with ReportWriter.open(out) as writer:
        with pytest.raises(ReportError, match="its own cell_id, got 'other'"):
            writer.write_shard("c", 0, **A, examples=[{"cell_id": "other", "example_id": 1}], trace=[])
        with pytest.raises(ReportError, match="got one twice"):
            writer.write_shard("c", 0, **A, examples=[{"example_id": 1}] * 2, trace=[])
        with pytest.raises(ReportError, match="one contender_digest, got 2"):
            writer.write_training([{"contender_digest": "a"}, {"contender_digest": "b"}])
        for name in ("../c", "", "training", ".hidden"):
            with pytest.raises(ReportError, match="cell_id"):
                writer.write_cell({"cell_id": name, "status": "ok"})


def truncate(path):
    path.write_bytes(path.read_bytes()[:-20])


def flip(path):
    data = bytearray(path.read_bytes())
    data[30] ^= 255
    path.write_bytes(data)


def empty(path):
    path.write_bytes(b"")


def foreign(path):
    pq.write_table(pa.table({"cell_id": ["c"], "example_id": [1]}), path)


def newer(path):
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({**table.schema.metadata, b"schema_version": b"99"}), path)


def of_another_cell(path):
    table = pq.read_table(path)
    pq.write_table(table.set_column(0, "cell_id", pa.array(["other"] * table.num_rows)), path)


def of_another_shard(path):
    os.replace(path.with_name("shard-00001.parquet"), path)
    os.replace(path.with_name("shard-00001.trace.parquet"), path.with_name("shard-00000.trace.parquet"))


@pytest.mark.parametrize("harm", [truncate, flip, empty, foreign, newer, of_another_cell, of_another_shard])
def test_a_damaged_shard_is_told_and_done_again(out, harm):
    with ReportWriter.open(out) as writer:
        start(writer, "c")
        shard(writer, "c", 0, [1])
        shard(writer, "c", 1, [2])
        shard(writer, "c", 2, [3])
        path = out / "parts" / "c" / "shard-00000.parquet"
        harm(path)
        kept = {(3, None)} if harm is of_another_shard else {(2, None), (3, None)}
        assert writer.known("c").judged == kept
        assert len(writer.damaged) == 1
        assert str(path) in writer.damaged[0]
        assert Report.open(out).damaged == tuple(writer.damaged)
        writer.compact()
        assert path.exists()  # evidence
        assert writer.known("c").judged == kept
        shard(writer, "c", 0, [1], queries=9)
        writer.compact()
        assert len(writer.damaged) == 1
    assert (1, 9) in ids_of(out)


@pytest.mark.parametrize("harm", [truncate, empty, lambda path: path.unlink()])
def test_a_shard_without_its_own_trace_is_done_again(out, harm):
    with ReportWriter.open(out) as writer:
        start(writer, "c")
        shard(writer, "c", 0, [1])
        harm(out / "parts" / "c" / "shard-00000.trace.parquet")
        assert writer.known("c").judged == frozenset()
        assert "trace" in writer.damaged[0]


def test_a_damaged_cell_row_keeps_its_shards_for_the_next_run(out):
    with ReportWriter.open(out) as writer:
        start(writer, "c")
        shard(writer, "c", 0, [1])
        truncate(out / "parts" / "c" / "cell.parquet")
        known = writer.known("c")
        assert (known.fingerprint, known.status, known.code) == ("fa", "failed", "interrupted")
        assert known.judged == {(1, None)}
        writer.compact()
        assert any("readable cell.parquet" in text for text in writer.damaged)
        start(writer, "c")
        writer.compact()
    assert ids_of(out) == [(1, 1)]


def test_notes_of_different_attacks_share_one_table(out):
    with ReportWriter.open(out) as writer:
        for cell_id, note in (("a", "note_h"), ("b", "note_probe")):
            finish(writer, cell_id)
            writer.write_shard(cell_id, 0, **A, examples=[{"example_id": 1, note: 2.0}], trace=[])
        writer.compact()
    rows = Report.open(out).examples.select(["note_h", "note_probe"]).to_pylist()
    assert rows == [{"note_h": 2.0, "note_probe": None}, {"note_h": None, "note_probe": 2.0}]


def test_compaction_does_not_depend_on_when_it_ran(tmp_path):
    """Interrupted and continued, or in one go: the same bytes, but for the count of compactions."""
    for name, stops in (("once", []), ("thrice", [0, 1])):
        with ReportWriter.open(tmp_path / name) as writer:
            for cell_id in ("b", "a"):
                start(writer, cell_id)
                for number in range(3):
                    shard(writer, cell_id, number, [5 - number, 9 - number])
                    if number in stops:
                        writer.compact()
                finish(writer, cell_id)
            writer.compact()
    for table in ("cells", "examples", "trace", "scores", "training"):
        once, thrice = (Report.open(tmp_path / name).table(table) for name in ("once", "thrice"))
        assert once.equals(thrice)
