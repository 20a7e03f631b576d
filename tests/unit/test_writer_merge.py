"""The merge rule against a model of it in plain Python."""

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from advbench.records.merge import fold, merged
from advbench.records.parts import CellParts, Shard
from advbench.records.tables import make_table

CELLS, IDENTITIES = ("c0", "c1"), (("f", "d"), ("f", "e"), ("g", "d"))
KEYS = st.tuples(st.integers(0, 3), st.none() | st.integers(0, 1))
ROWS = st.dictionaries(KEYS, st.integers(0, 9), max_size=5)
IDENTITY = st.sampled_from(IDENTITIES)
BASE = st.dictionaries(st.sampled_from(CELLS), st.tuples(IDENTITY, ROWS))
CODE = st.sampled_from(["interrupted", "broken", None])
PARTS = st.dictionaries(
    st.sampled_from(CELLS),
    st.tuples(st.none() | st.tuples(IDENTITY, CODE), st.lists(st.tuples(IDENTITY, ROWS), max_size=3)),
)


def cell_row(cell_id, identity, code):
    row = {"cell_id": cell_id, "status": "failed", "code": code}
    return row | {"fingerprint": identity[0], "contender_digest": identity[1]}


def example_rows(cell_id, rows):
    return [{"cell_id": cell_id, "example_id": i, "target": t, "queries": q} for (i, t), q in rows.items()]


def trace_rows(cell_id, rows):
    """As many improvements as the example's number, so that a mix-up shows."""
    return [
        {"cell_id": cell_id, "example_id": i, "target": t, "query": k, "distance": float(q)}
        for (i, t), q in rows.items()
        for k in range(q % 3)
    ]


def model(base, parts):
    """Cell -> (identity, rows), by the rule as the module states it."""
    found = {cell_id: (identity, dict(rows)) for cell_id, (identity, rows) in base.items()}
    for cell_id, (row, shards) in parts.items():
        old = found.get(cell_id)
        if row is None and old is None:
            continue
        identity = row[0] if row else old[0]
        live = [rows for own, rows in shards if own == identity]
        if old and old[0] != identity and not live and row[1] == "interrupted":
            continue
        united = dict(old[1]) if old and old[0] == identity else {}
        for rows in live:
            united |= rows
        found[cell_id] = (identity, united)
    return found


@settings(deadline=None, max_examples=150)
@given(BASE, PARTS)
def test_parts_and_compacted_rows_merge_by_the_rule(base, parts):
    tables = {
        "cells": make_table("cells", [cell_row(c, identity, None) for c, (identity, _) in base.items()]),
        "examples": make_table("examples", [row for c, (_, rows) in base.items() for row in example_rows(c, rows)]),
        "trace": make_table("trace", [row for c, (_, rows) in base.items() for row in trace_rows(c, rows)]),
    }
    cells = [
        CellParts(
            cell_id=cell_id,
            row=make_table("cells", [cell_row(cell_id, *row)]) if row else None,
            shards=tuple(
                Shard(n, own, examples=make_table("examples", example_rows(cell_id, rows)),
                      trace=make_table("trace", trace_rows(cell_id, rows)))
                for n, (own, rows) in enumerate(shards)
            ),
            scores=None, files=(), damaged=(),
        )
        for cell_id, (row, shards) in parts.items()
    ]  # fmt: skip

    def read(name: str, columns: list[str] | None) -> pa.Table:
        return tables[name] if columns is None else tables[name].select(list(columns))

    folded = fold({cell_id: identity for cell_id, (identity, _) in base.items()}, cells, [])
    expected = model(base, parts)
    got = {
        row["cell_id"]: (row["fingerprint"], row["contender_digest"])
        for row in merged("cells", folded, read).to_pylist()
    }
    assert got == {cell_id: identity for cell_id, (identity, _) in expected.items()}
    rows = merged("examples", folded, read).select(["cell_id", "example_id", "target", "queries"]).to_pylist()
    wanted = [row for cell_id, (_, rows) in expected.items() for row in example_rows(cell_id, rows)]
    assert sorted(map(str, rows)) == sorted(map(str, wanted))
    traces = merged("trace", folded, read).to_pylist()
    wanted = [row for cell_id, (_, rows) in expected.items() for row in trace_rows(cell_id, rows)]
    assert sorted(map(str, traces)) == sorted(map(str, wanted))
