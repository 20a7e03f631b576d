"""kill -9 whenever it may come: the same command again ends in the report of a run that nobody disturbed."""

import math
import random
import shutil
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from killing import Job, Moment, differences, kill, leftovers, watch

WORDS = (
    "-D", "digits", "-d", "scd:votes=4,iterations=100", "-d", "none", "-m", "linear:epochs=40",
    "-a", "zoo", "-a", "random-noise:draws=150",
    "-n", "160", "--max-queries", "500", "--save-adversarials",
)  # fmt: skip
# Kills in one folder, each among the leftovers of those before.
CHAIN = ("training", "training", "attack", "start-up", "training", "attack", "closing")
FRESH = 3  # kills in folders of their own
SAMPLE = Path(__file__).resolve().parents[2] / "reports" / "sample"


def job_in(place, name):
    """A job that starts from nothing, a trained contender included."""
    root = place.root / name
    root.mkdir()
    own = type(place)(root, root / "cache")
    own.anew = place.anew
    return Job(own, WORDS, opponents=2)


def compile_kernels():
    """Machine code is made and kept once per machine; that belongs to no phase of a run."""
    training = pytest.importorskip("advbench_scd.training")
    x, y = np.random.default_rng(0).random((8, 4), np.float32), np.arange(8) % 2
    training.train_vote(x, y, training.Settings(iterations=10), 0)


def kill_and_go_on(job, moments, quiet):
    """Kill one job at each of the moments, let it end, and compare; returns the phases hit, None for a miss."""
    hits, story = [], []
    trained, finished = {}, {}
    for moment in moments:
        shards = job.shards()
        hits.append(kill(job, moment))
        story.append(f"{moment}: {hits[-1] or 'too late'}")
        assert trained.items() <= job.trained().items(), f"a finished contender was trained again: {story}"
        assert finished.items() <= job.finished().items(), f"a finished cell was attacked again: {story}"
        folded = hits[-1] in ("closing", "farewell", None)
        assert folded or shards.items() <= job.shards().items(), f"a finished shard was attacked again: {story}"
        trained, finished = job.trained(), job.finished()
    process = job.start()
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, (story, err)
    assert not (found := differences(job.out, quiet)), (story, found[:10])
    assert not (found := leftovers(job.out)), (story, found)
    assert trained.items() <= job.trained().items(), f"a finished contender was trained again: {story}"
    assert finished.items() <= job.finished().items(), f"a finished cell was attacked again: {story}"
    # Votes are kept for larger ensembles; all else would be a leftover.
    kept = {path.name for path in job.contenders.glob(".shared-*")} | set(job.trained())
    left = sorted(path.name for path in job.contenders.iterdir() if path.name not in kept)
    assert not left, f"left in the cache: {left}: {story}"
    return hits


def killed_all_over(place, rounds, seed):
    """Ten kills a round: most in one folder, phase by phase, the others in fresh ones, spread evenly over the run."""
    rng = random.Random(seed)
    compile_kernels()
    quiet = job_in(place, "quiet")
    lasted = watch(quiet)
    assert not leftovers(quiet.out)
    plans = [
        [Moment(rng.uniform(0, lasted.get(phase, 0.1)), None if phase == "start-up" else phase) for phase in CHAIN]
        for _ in range(rounds)
    ]
    share = lasted["all"] / (FRESH * rounds)
    plans += [[Moment((i + rng.random()) * share)] for i in range(FRESH * rounds)]
    hits = carried_out(place, plans, quiet.out)
    while hits[None]:  # the run was faster this time: its kill is made up for, earlier
        again = [[Moment(rng.uniform(0, lasted["all"] / 3))] for _ in range(hits.pop(None))]
        hits += carried_out(place, again, quiet.out)
    return hits, f"seed {seed}, {dict(hits)}, undisturbed {lasted}"


def carried_out(place, plans, quiet):
    """How often each phase was hit, two jobs at a time; None counts the kills that came too late."""
    begun = len(list(place.root.glob("job*")))
    jobs = [job_in(place, f"job{begun + i}") for i in range(len(plans))]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda job, plan: kill_and_go_on(job, plan, quiet), jobs, plans))
    return Counter(hit for hits in results for hit in hits)


def test_ten_kills_leave_no_trace(place, record_property):
    hits, told = killed_all_over(place, rounds=1, seed=11)
    record_property("kills", hits.total())
    assert hits.total() >= 10, told
    assert hits["training"], told
    assert hits["attack"], told


@pytest.mark.slow
def test_fifty_kills_leave_no_trace(place, record_property):
    place.anew = True  # so that some hit Python's own start
    hits, told = killed_all_over(place, rounds=5, seed=12)
    record_property("kills", hits.total())
    assert hits.total() >= 50, told
    assert all(hits[phase] for phase in ("start-up", "training", "attack", "closing")), told


def changed(folder, table, change):
    """The report in `folder`, after a change of one of its tables."""
    path = folder / f"{table}.parquet"
    pq.write_table(change(pq.read_table(path)), path)


def with_value(table, column, value):
    """The table with another value in the first row of a column."""
    values = [value, *table[column].to_pylist()[1:]]
    at = table.schema.get_field_index(column)
    return table.set_column(at, table.schema.field(at), pa.array(values, table.schema.field(at).type))


@pytest.mark.parametrize(
    ("table", "change", "told"),
    [
        ("examples", lambda t: t.slice(1), "examples: "),
        ("examples", lambda t: with_value(t, "queries", (t["queries"][0].as_py() or 0) + 1), "examples[0].queries"),
        ("scores", lambda t: with_value(t, "value", math.nextafter(t["value"][0].as_py(), 2)), "scores[0].value"),
        ("scores", lambda t: t.slice(0, 0), "scores: 0 rows"),
        ("trace", lambda t: with_value(t, "query", -1), "trace[0].query"),
        ("training", lambda t: t.slice(3), "training: "),
        ("cells", lambda t: with_value(t, "inexact", not t["inexact"][0].as_py()), "cells[0].inexact"),
        ("cells", lambda t: with_value(t, "attack_seconds", 1e6), None),
    ],
)
def test_the_comparison_sees_every_change_but_that_of_clocks(tmp_path, table, change, told):
    shutil.copytree(SAMPLE, tmp_path / "report")
    assert not differences(tmp_path / "report", SAMPLE)
    changed(tmp_path / "report", table, change)
    found = differences(tmp_path / "report", SAMPLE)
    assert any(text.startswith(told) for text in found) if told else not found


@pytest.mark.parametrize("name", ["adversarials/cell/shard-00000.safetensors", "adversarials/cell/other"])
def test_the_comparison_sees_points_that_are_missing_or_changed(tmp_path, name):
    for folder in ("one", "other"):
        shutil.copytree(SAMPLE, tmp_path / folder)
        (tmp_path / folder / name).parent.mkdir(parents=True)
        (tmp_path / folder / name).write_bytes(b"points")
    assert not differences(tmp_path / "one", tmp_path / "other")
    (tmp_path / "one" / name).write_bytes(b"point")
    assert differences(tmp_path / "one", tmp_path / "other") == [f"{name}: other bytes"]
    (tmp_path / "one" / name).unlink()
    assert differences(tmp_path / "one", tmp_path / "other") == [f"{name}: only in one"]


@pytest.mark.parametrize(
    "name", [".tmp-x", "parts/cell/shard-00000.parquet", "commit/cells.parquet", "adversarials/cell/.tmp-y", ".lock"]
)
def test_leftovers_are_seen(tmp_path, name):
    shutil.copytree(SAMPLE, tmp_path / "report")
    (tmp_path / "report" / ".lock").write_bytes(b"")
    assert not leftovers(tmp_path / "report")
    path = tmp_path / "report" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"{}")
    assert leftovers(tmp_path / "report") == [name]
    path.unlink()
    (tmp_path / "report" / "scores.parquet").unlink()
    assert "scores.parquet" in leftovers(tmp_path / "report")
