"""What is streamed, from parts or into tables, against a model of the merge rule in plain Python."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advbench.records import stream
from advbench.records.reader import Report
from advbench.records.writer import ReportWriter

CELLS, IDENTITIES = ("c0", "c1", "c2"), (("f", "d"), ("f", "e"), ("g", "d"))
KEYS = st.tuples(st.integers(0, 3), st.none() | st.integers(0, 1))
ROWS = st.dictionaries(KEYS, st.integers(0, 9), max_size=5)
SCORES = st.dictionaries(st.sampled_from("mno"), st.integers(0, 9), max_size=2)
IDENTITY = st.sampled_from(IDENTITIES)
BASE = st.dictionaries(st.sampled_from(CELLS), st.tuples(IDENTITY, ROWS, SCORES))
CODE = st.sampled_from(["interrupted", "broken", None])
PARTS = st.dictionaries(
    st.sampled_from(CELLS),
    st.tuples(st.none() | st.tuples(IDENTITY, CODE), st.lists(st.tuples(IDENTITY, ROWS), max_size=3), SCORES),
)


@pytest.fixture(autouse=True)
def _small_row_groups_and_no_waiting(monkeypatch):
    monkeypatch.setattr(stream, "GROUP", 3)
    monkeypatch.setattr(os, "fsync", lambda handle: None)


def example_rows(rows):
    """A note that only even numbers have, so that columns differ between shards."""
    return [
        {"example_id": i, "target": t, "queries": q} | ({"note_even": float(q)} if q % 2 == 0 else {})
        for (i, t), q in rows.items()
    ]


def trace_rows(rows):
    """As many improvements as the example's number, so that a mix-up shows."""
    return [
        {"example_id": i, "target": t, "query": k, "distance": float(q)}
        for (i, t), q in rows.items()
        for k in range(q % 3)
    ]


def write_cell(writer, cell_id, identity, code):
    fingerprint, contender_digest = identity
    row = {"cell_id": cell_id, "status": "failed", "code": code}
    writer.write_cell(row | {"fingerprint": fingerprint, "contender_digest": contender_digest})


def write_shard(writer, cell_id, number, identity, rows):
    same = {"fingerprint": identity[0], "contender_digest": identity[1]}
    writer.write_shard(cell_id, number, **same, examples=example_rows(rows), trace=trace_rows(rows))


def write_scores(writer, cell_id, scores):
    if scores:
        writer.write_scores(cell_id, [{"metric": m, "value": float(v)} for m, v in scores.items()])


def model(base, parts):
    """Cell -> (identity, rows, scores), by the rule as the module states it."""
    found = {cell_id: (identity, dict(rows), dict(scores)) for cell_id, (identity, rows, scores) in base.items()}
    for cell_id, (row, shards, scores) in parts.items():
        old = found.get(cell_id)
        if row is None and old is None:
            continue
        identity = row[0] if row else old[0]
        live = [rows for own, rows in shards if own == identity]
        if old and old[0] != identity and not live and row[1] == "interrupted":
            continue
        same = old and old[0] == identity
        united = dict(old[1]) if same else {}
        for rows in live:
            united |= rows
        found[cell_id] = (identity, united, (old[2] if same else {}) | scores)
    return found


def expected(found):
    """Tables in the order of their key."""

    def place(item):
        (example, target), _ = item
        return example, target is None, target

    rows = {c: dict(sorted(own.items(), key=place)) for c, (_, own, _) in found.items()}
    return {
        "cells": [(c, *found[c][0]) for c in sorted(found)],
        "examples": [
            (c, i, t, q, float(q) if q % 2 == 0 else None) for c in sorted(found) for (i, t), q in rows[c].items()
        ],
        "trace": [
            (c, row["example_id"], row["target"], row["query"], row["distance"])
            for c in sorted(found)
            for row in trace_rows(rows[c])
        ],
        "scores": [(c, m, float(v)) for c in sorted(found) for m, v in sorted(found[c][2].items())],
    }


COLUMNS = {
    "cells": ["cell_id", "fingerprint", "contender_digest"], "scores": ["cell_id", "metric", "value"],
    "examples": ["cell_id", "example_id", "target", "queries", "note_even"],
    "trace": ["cell_id", "example_id", "target", "query", "distance"],
}  # fmt: skip


def view(root):
    report = Report.open(root)
    columns = COLUMNS | ({} if "note_even" in report.notes else {"examples": COLUMNS["examples"][:-1]})
    found = {}
    for name, wanted in columns.items():
        table = report.table(name, wanted)
        by_cell = [row for _, rows in report.by_cell(name, wanted, ["cell_id"]) for row in rows.to_pylist()]
        assert table.to_pylist() == by_cell
        found[name] = [tuple(row.values()) + (None,) * (len(COLUMNS[name]) - len(wanted)) for row in by_cell]
    return found


@settings(deadline=None, max_examples=20)
@given(BASE, PARTS)
def test_what_is_streamed_is_what_the_rule_says(base, parts):
    with tempfile.TemporaryDirectory() as folder, ReportWriter.open(Path(folder) / "r") as writer:
        for cell_id, (identity, rows, scores) in base.items():
            write_cell(writer, cell_id, identity, None)
            write_shard(writer, cell_id, 0, identity, rows)
            write_scores(writer, cell_id, scores)
        writer.compact()
        for cell_id, (row, shards, scores) in parts.items():
            if row is not None:
                write_cell(writer, cell_id, *row)
            for number, (identity, rows) in enumerate(shards):
                write_shard(writer, cell_id, number, identity, rows)
            write_scores(writer, cell_id, scores)
        wanted = model(base, parts)
        assert view(writer.root) == expected(wanted)
        for cell_id, (identity, rows, _) in wanted.items():
            known = writer.known(cell_id)
            if (known.fingerprint, known.contender_digest) == identity:
                assert known.judged == set(rows)
        writer.compact()
        assert view(writer.root) == expected(wanted)
        whole = Report.open(writer.root).examples
        assert whole.equals(whole.sort_by([(key, "ascending") for key in ("cell_id", "example_id", "target")]))


def test_rescored_rows_replace_those_of_their_metric_and_touch_nothing_else(tmp_path):
    with ReportWriter.open(tmp_path / "r") as writer:
        for cell_id in ("a", "b"):
            write_cell(writer, cell_id, IDENTITIES[0], None)
            write_shard(writer, cell_id, 0, IDENTITIES[0], {(1, None): 2})
            write_scores(writer, cell_id, {"m": 1, "n": 1})
        writer.compact()
        before = {path.name: path.stat().st_ino for path in writer.root.glob("*.parquet")}
        write_scores(writer, "b", {"n": 5})  # waits when the others come
        writer.compact([{"cell_id": c, "metric": "m", "value": 7.0} for c in ("b", "a", "gone")])
        after = {path.name: path.stat().st_ino for path in writer.root.glob("*.parquet")}
        assert [text for text in writer.damaged if "gone" in text]
    scores = {(row["cell_id"], row["metric"]): row["value"] for row in Report.open(tmp_path / "r").scores.to_pylist()}
    assert scores == {("a", "m"): 7, ("a", "n"): 1, ("b", "m"): 7, ("b", "n"): 5}
    unchanged = {name for name in before if before[name] == after[name]}
    assert unchanged == {"examples.parquet", "trace.parquet", "training.parquet"}
