"""Several reports become one, and none of them changes."""

import json
import os
from pathlib import Path

import pytest

from advbench.contract.errors import ReportError
from advbench.records.reader import Report
from advbench.records.union import unite
from advbench.records.writer import ReportWriter

A, B = {"fingerprint": "fa", "contender_digest": "da"}, {"fingerprint": "fb", "contender_digest": "da"}


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda handle: None)


def make(root, cells, compact=True, request="x"):
    """`cells`: cell_id -> (identity, ids, minute it ended in), or the same with a row to change."""
    with ReportWriter.open(root) as writer:
        run = writer.append_run({"request": f"{request} {root.name}"})
        for cell_id, (identity, ids, minute, *changes) in cells.items():
            row = {"cell_id": cell_id, "status": "ok", "run": run, "finished_at": minute * 60_000_000, **identity}
            writer.write_cell(row | (changes[0] if changes else {}))
            examples = [{"example_id": i, "queries": minute, f"note_{root.name}": 1.0} for i in ids]
            trace = [{"example_id": i, "query": minute} for i in ids]
            writer.write_shard(cell_id, 0, **identity, examples=examples, trace=trace)
            writer.write_scores(cell_id, [{"metric": "m", "value": float(minute)}])
            writer.write_adversarials(cell_id, "shard-00000.json", f"texts {root.name}".encode())
            writer.write_prepared(cell_id, "state", f"prepared {root.name}".encode())
            writer.write_traceback(cell_id, f"traceback {root.name}")
        digests = {identity["contender_digest"] for identity, *_ in cells.values()}
        for digest in digests:
            writer.write_training([{"contender_digest": digest, "epoch": 1, "loss": 0.5}])
        if compact:
            writer.compact()
    return root


def rows(root, name="examples", columns=("cell_id", "example_id", "queries")):
    return [tuple(row.values()) for row in Report.open(root).table(name, columns).to_pylist()]


def bytes_of(root):
    return {path: path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.fixture
def place(tmp_path):
    return lambda name: tmp_path / name


def test_cells_of_all_are_there_with_where_they_come_from(place):
    one = make(place("one"), {"a": (A, [1, 2], 1), "c": (A, [1], 1)})
    two = make(place("two"), {"b": (A, [1], 2)}, compact=False)  # its run was killed
    before = bytes_of(one) | bytes_of(two)
    found = unite([one, two], place("out"))
    assert (found.cells, found.rows, found.unscored, found.told) == (3, 4, 0, [])
    assert bytes_of(one) | bytes_of(two) == before
    assert rows(place("out")) == [("a", 1, 1), ("a", 2, 1), ("b", 1, 2), ("c", 1, 1)]
    assert rows(place("out"), "trace", ("cell_id", "example_id", "query")) == rows(place("out"))
    assert rows(place("out"), "cells", ("cell_id", "run")) == [("a", 0), ("b", 1), ("c", 0)]
    assert rows(place("out"), "scores", ("cell_id", "value")) == [("a", 1), ("b", 2), ("c", 1)]
    assert rows(place("out"), "training", ("contender_digest", "loss")) == [("da", 0.5)]
    report = Report.open(place("out"))
    assert report.notes == ("note_one", "note_two")
    assert [(run["request"], run["merged_from"]) for run in report.runs] == [
        ("x one", [str(one)]),
        ("x two", [str(two)]),
    ]
    assert (place("out") / "adversarials" / "b" / "shard-00000.json").read_text() == "texts two"
    assert (place("out") / "tracebacks" / "a.txt").read_text() == "traceback one"
    with ReportWriter.open(place("out")) as writer:
        assert writer.read_prepared("b", "state") == b"prepared two"


def test_a_report_grows_and_merging_again_changes_nothing(place):
    out = make(place("out"), {"a": (A, [1], 1)})
    more = make(place("more"), {"b": (A, [1], 2)})
    for _ in range(2):
        unite([more], out)
        assert rows(out) == [("a", 1, 1), ("b", 1, 2)]
        assert rows(out, "cells", ("cell_id", "run")) == [("a", 0), ("b", 1)]
        assert [run.get("merged_from") for run in Report.open(out).runs] == [None, [str(more)]]
    unite([out], place("third"))
    assert [run["merged_from"] for run in Report.open(place("third")).runs] == [[str(out)], [str(more), str(out)]]


def test_examples_of_one_cell_are_united_and_the_newer_row_wins(place):
    one = make(place("one"), {"a": (A, [1, 2], 1, {"code": "interrupted", "status": "failed"})})
    two = make(place("two"), {"a": (A, [2, 3], 2, {"code": "interrupted", "status": "failed"})})
    found = unite([two, one], place("out"))
    assert rows(place("out")) == [("a", 1, 1), ("a", 2, 2), ("a", 3, 2)]
    assert rows(place("out"), "trace", ("cell_id", "example_id", "query")) == rows(place("out"))
    assert found.unscored == 1
    assert rows(place("out"), "scores", ("cell_id", "value")) == []
    assert Report.open(place("out")).examples["note_one"].to_pylist() == [1.0, None, None]


def test_who_holds_all_examples_is_taken_whole_with_its_scores(place):
    one = make(place("one"), {"a": (A, [1, 2, 3], 1)})
    two = make(place("two"), {"a": (A, [2], 2, {"code": "interrupted", "status": "failed"})})
    unite([one, two], place("out"))
    assert rows(place("out")) == [("a", 1, 1), ("a", 2, 1), ("a", 3, 1)]
    assert rows(place("out"), "scores", ("cell_id", "value")) == [("a", 1)]
    assert rows(place("out"), "cells", ("status", "run")) == [("ok", 0)]


@pytest.mark.parametrize("turned", [False, True])
def test_of_other_identities_the_newest_wins_whole_and_it_is_said(place, turned):
    old = make(place("old"), {"a": (A, [1, 2], 1)})
    new = make(place("new"), {"a": (B, [2], 2)})
    found = unite([new, old] if turned else [old, new], place("out"))
    assert rows(place("out")) == [("a", 2, 2)]
    assert rows(place("out"), "cells", ("fingerprint",)) == [("fb",)]
    (told,) = found.told
    assert f"1 cell of {old} was made by other code or another contender than in {new}" in told
    assert (place("out") / "adversarials" / "a" / "shard-00000.json").read_text() == "texts new"


def test_what_was_left_unfinished_replaces_nothing_that_was_finished(place):
    old = make(place("old"), {"a": (A, [1, 2], 1)})
    new = make(place("new"), {"a": (B, [2], 2, {"code": "interrupted", "status": "failed"})})
    unite([old, new], place("out"))
    assert rows(place("out")) == [("a", 1, 1), ("a", 2, 1)]


def test_files_of_a_cell_that_is_replaced_go_with_it(place):
    out = make(place("out"), {"a": (A, [1], 1)})
    new = make(place("new"), {"a": (B, [1], 2)})
    (new / "tracebacks" / "a.txt").unlink()
    (new / "adversarials" / "a" / "shard-00000.json").rename(new / "adversarials" / "a" / "shard-00001.json")
    unite([new], out)
    assert [path.name for path in (out / "adversarials" / "a").iterdir()] == ["shard-00001.json"]
    assert not (out / "tracebacks" / "a.txt").exists()


def test_links_in_a_report_are_not_followed(place, tmp_path):
    one = make(place("one"), {"a": (A, [1], 1)})
    (tmp_path / "secret").write_text("s")
    (one / "adversarials" / "a" / "shard-00009.json").symlink_to(tmp_path / "secret")
    (one / "prepared" / "b").symlink_to(tmp_path)
    unite([one], place("out"))
    assert sorted(path.name for path in (place("out") / "adversarials" / "a").iterdir()) == ["shard-00000.json"]
    assert "secret" not in [path.name for path in place("out").rglob("*")]


def damage_part(root):
    path = root / "parts" / "a" / "shard-00000.parquet"
    path.write_bytes(path.read_bytes()[:-20])


def damage_table(root):
    (root / "examples.parquet").write_bytes(b"")


def another_version(root):
    (root / "run.json").write_text(json.dumps([{"schema_version": 99}]))


def foreign(root):
    for path in root.glob("*"):
        path.unlink() if path.is_file() else None
    (root / "thesis.txt").touch()


BAD = {
    "its parts must be whole, got.*shard-00000": (damage_part, False),
    "examples.parquet: it must be a whole Parquet file": (damage_table, True),
    "schema_version must be 1 or less, got 99": (another_version, True),
    r"got a folder without run\.json": (foreign, True),
}


@pytest.mark.parametrize("told", BAD)
def test_a_report_at_fault_is_told_before_anything_is_written(place, told):
    harm, compact = BAD[told]
    good, bad = make(place("good"), {"b": (A, [1], 1)}), make(place("bad"), {"a": (A, [1], 1)}, compact)
    harm(bad)
    with pytest.raises(ReportError, match=told):
        unite([good, bad], place("out"))
    assert not place("out").exists()


def test_a_report_that_is_being_written_is_told(place):
    one, two = make(place("one"), {"a": (A, [1], 1)}), make(place("two"), {"b": (A, [1], 1)})
    told = f"{two}: it must not be written while it is merged.*process {os.getpid()}"
    with ReportWriter.open(two), pytest.raises(ReportError, match=told):
        unite([one, two], place("out"))
    with ReportWriter.open(two), pytest.raises(ReportError, match="one process at a time"):
        unite([one], two)


def test_a_report_cannot_be_merged_with_itself(place):
    one = make(place("one"), {"a": (A, [1], 1)})
    for sources, out in (([one], one), ([one, Path(f"{one}/../one")], place("out"))):
        with pytest.raises(ReportError, match=r"^merge: "):
            unite(sources, out)


class Stop(BaseException):
    pass


def test_a_merge_that_is_killed_ends_as_if_it_were_not_when_done_again(place, monkeypatch):
    one = make(place("one"), {"a": (A, [1, 2], 1), "b": (B, [1], 3)})
    two = make(place("two"), {"a": (A, [3], 2, {"code": "interrupted", "status": "failed"}), "b": (A, [1], 2)})
    wanted, real = None, os.replace
    for steps in (0, 2, 9, 13, 60):
        out, done = make(place(f"{steps}") / "out", {"b": (A, [7], 1)}, request="own"), 0

        def replace(*args, limit=steps):
            nonlocal done
            if done == limit:
                raise Stop
            done += 1
            return real(*args)

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", replace)
            try:
                unite([one, two], out)
                killed = False
            except Stop:
                killed = True
        unite([one, two], out)
        seen = {name: Report.open(out).table(name).to_pylist() for name in ("cells", "examples", "scores", "trace")}
        wanted = wanted or seen
        assert seen == wanted, f"after {steps} steps"
        assert killed == (steps < 60)
