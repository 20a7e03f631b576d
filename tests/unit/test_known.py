"""What a report holds of a cell is a set of pairs, without the set."""

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advbench.records.known import Compacted, Judged
from advbench.records.tables import make_table
from advbench.records.writer import ReportWriter

KEYS = st.lists(st.tuples(st.integers(0, 5), st.none() | st.integers(0, 2)), max_size=8)


def table(keys):
    return make_table("examples", [{"cell_id": "c", "example_id": i, "target": t} for i, t in keys])


@given(KEYS, KEYS, KEYS)
def test_it_is_the_set_of_its_keys(one, other, asked):
    judged, plain = Judged.of([table(one), table(other)]), {*one, *other}
    assert judged == plain
    assert len(judged) == len(plain)
    assert set(judged) == plain
    assert judged.issuperset(asked) == plain.issuperset(asked)
    assert (set(asked) <= judged) == (set(asked) <= plain)
    assert all((key in judged) == (key in plain) for key in asked)
    assert bool(judged) == bool(plain)
    assert judged & set(asked) == plain & set(asked)


def test_cells_of_the_same_examples_share_them(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    same = {"fingerprint": "f", "contender_digest": "d"}
    keys = {"a": [(1, None), (2, None)], "b": [(1, None), (2, None)], "c": [(1, 0), (2, None)], "d": []}
    with ReportWriter.open(tmp_path) as writer:
        for cell_id, own in keys.items():
            writer.write_cell({"cell_id": cell_id, "status": "ok", **same})
            writer.write_shard(cell_id, 0, **same, examples=[{"example_id": i, "target": t} for i, t in own], trace=[])
        writer.compact()
        compacted = Compacted(tmp_path)
        assert {cell_id: set(writer.known(cell_id).judged) for cell_id in keys} == {c: set(k) for c, k in keys.items()}
    assert compacted.judged("a") is compacted.judged("b")
    assert compacted.judged("a").ids.nbytes == 16
    assert compacted.judged("a").targets is None
    assert compacted.judged("c").targets is not None
    assert len(compacted.judged("gone")) == 0


def test_an_odd_question_is_answered_no():
    judged = Judged(np.array([1, 2]))
    assert 1 not in judged
    assert (1, None, 2) not in judged
    assert (1, 0) not in judged
    assert not judged.issuperset([(1, 0)])


@pytest.mark.parametrize("targets", [None, np.array([0, 1])])
def test_an_empty_demand_is_always_met(targets):
    assert Judged(np.array([1, 2]), targets).issuperset([])
