"""Declared columns, and the refusal of everything else."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from advbench.contract.errors import ReportError
from advbench.records.arrays import codes, real, whole
from advbench.records.columns import COLUMNS
from advbench.records.tables import columns_markdown, conform, make_table

PROMISED = {
    "cells": "cell_id run fingerprint contender_digest dataset dataset_params encoder encoder_params model "
    "model_params defense defense_params twin_of attack attack_params coverage access gradient eot "
    "norm eps reference_eps max_queries targeted targets eligible seed n stochastic inexact oracle_choice "
    "status code reason queries_shared train_seconds attack_seconds peak_rss_mib device finished_at",
    "examples": "cell_id example_id label target clean_label adv_label verdict reason queries gradients "
    "first_query best_query l0 l1 l2 linf words edit_distance similarity similarity_min clean_margin "
    "adv_margin survives_8bit certified votes stop_reason",
    "scores": "cell_id metric value low high n unit higher_is_better",
    "trace": "cell_id example_id target query distance",
    "training": "contender_digest epoch loss tune_loss tune_accuracy sensitivity_bound seconds",
}
EXAMPLE = {"cell_id": "c", "example_id": 1}


@pytest.mark.parametrize("name", PROMISED)
def test_the_promised_columns_are_there_in_order(name):
    assert make_table(name, []).column_names == PROMISED[name].split()


def test_every_column_is_explained_in_markdown():
    text = columns_markdown()
    for name, columns in COLUMNS.items():
        assert f"### {name}.parquet" in text
        for column in columns:
            assert column.help.endswith(".")
            assert "\n" not in column.help
            assert "|" not in column.help
            assert f"| {column.name} | " in text


def test_what_a_row_leaves_out_is_null_and_the_version_is_kept():
    table = make_table("examples", [EXAMPLE])
    assert table["target"].to_pylist() == [None]
    assert table["survives_8bit"].to_pylist() == [None]
    assert table.schema.metadata == {b"schema_version": b"1"}


def test_numpy_values_and_moments_are_taken():
    row = {"cell_id": "c", "status": "ok", "seed": np.int64(3), "eps": np.float32(0.5), "targeted": np.bool_(True)}
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    stored = make_table("cells", [row | {"finished_at": moment}]).to_pylist()[0]
    assert (stored["seed"], stored["eps"], stored["targeted"]) == (3, 0.5, True)
    assert stored["finished_at"] == moment


def test_infinity_nan_and_null_stay_three_things():
    rows = [{"cell_id": "c", "metric": str(value), "value": value} for value in (np.inf, np.nan, None)]
    stored = make_table("scores", rows)["value"].to_pylist()
    assert stored[0] == np.inf
    assert np.isnan(stored[1])
    assert stored[2] is None


def test_an_unknown_column_is_refused_with_the_nearest_name():
    with pytest.raises(ReportError, match=r"got 'querys'\. Did you mean 'queries'\?"):
        make_table("examples", [EXAMPLE | {"querys": 1}])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"queries": 1.5}, "queries must be a whole number, got 1.5"),
        ({"queries": "many"}, "queries must be a whole number"),
        ({"queries": 2**70}, "queries must be int64"),
        ({"votes": "half"}, "votes must be double"),
        ({"votes": True}, "votes must be a number"),
        ({"survives_8bit": 1}, "survives_8bit must be true or false"),
        ({"verdict": "brocken"}, "verdict must be one of broken, held, skipped, invalid, got 'brocken'"),
        ({"stop_reason": "bored"}, "stop_reason must be one of"),
        ({"reason": 3}, "reason must be string"),
        ({"example_id": None}, "example_id must be given"),
    ],
)
def test_a_wrong_value_is_refused_by_its_column(change, told):
    with pytest.raises(ReportError, match=told):
        make_table("examples", [EXAMPLE | change])


def test_notes_are_extra_number_columns_of_examples_alone():
    table = make_table("examples", [EXAMPLE | {"note_h": 1e-4}, EXAMPLE | {"note_a": 2}])
    assert table.column_names[-2:] == ["note_a", "note_h"]
    assert table["note_h"].to_pylist() == [1e-4, None]
    with pytest.raises(ReportError, match="note_h"):
        make_table("cells", [{"cell_id": "c", "status": "ok", "note_h": 1.0}])


def test_a_stored_table_must_have_the_declared_columns_and_types():
    table = make_table("trace", [EXAMPLE])
    assert conform("trace", table.append_column("extra", pa.array([1]))).column_names == table.column_names
    with pytest.raises(ReportError, match="column 'query' must be there"):
        conform("trace", table.drop_columns(["query"]))
    with pytest.raises(ReportError, match="column 'query' must be int64, got string"):
        conform("trace", table.set_column(3, "query", pa.array(["1"])))
    with pytest.raises(ReportError, match="column 'nonsense'"):
        conform("trace", table, ["nonsense"])


@pytest.mark.parametrize("cut", [slice(None), slice(3, None), slice(9, 17), slice(0, 0)])
def test_columns_become_arrays_with_their_nulls_wherever_they_are_cut(cut):
    numbers = [None if i % 3 == 0 else i for i in range(20)]
    words = [None if i % 4 == 0 else "ab"[i % 2] for i in range(20)]
    rows = [{**EXAMPLE, "queries": n, "l2": n, "reason": w} for n, w in zip(numbers, words, strict=True)]
    halves = pa.concat_tables([make_table("examples", rows[:7]), make_table("examples", rows[7:])])
    start, stop, _ = cut.indices(20)
    table = halves.slice(start, stop - start)
    expected = np.array([np.nan if n is None else n for n in numbers[cut]], float)
    np.testing.assert_array_equal(real(table["queries"]), expected)
    np.testing.assert_array_equal(real(table["l2"]), expected)
    np.testing.assert_array_equal(whole(table["queries"], -1), np.nan_to_num(expected, nan=-1))
    positions, values = codes(table["reason"])
    assert [values[i] for i in positions] == words[cut]
