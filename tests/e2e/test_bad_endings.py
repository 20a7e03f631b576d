"""A plugin that does not end is ended, and one that plays Control-C ends the run as Control-C does."""

import signal
import time

import bad_plugins as sources
import pytest
from bad_case import TINY, plugin, run

from advbench.arena import contest


@pytest.mark.parametrize("how", ["loop", "swallow"])
def test_an_attack_that_never_asks_is_ended(folder, how, tmp_path, monkeypatch):
    monkeypatch.setattr(contest, "CALL_GRACE", 0.2)
    words = (*TINY, "-m", "linear", "-a", f"bad:{how}", "-a", "none", "--timeout", "0.01")
    done = run(folder, "ATTACKS", *words, out=tmp_path / "r")
    cell = done.cells["linear", "two-moons", "bad", how]
    assert (done.code, cell["status"], cell["code"]) == (1, "failed", "timeout")
    assert f"attack bad:how={how} of attacks (" in cell["reason"]
    assert "Raise --timeout or leave this attack out." in cell["reason"]
    assert done.cells["linear", "two-moons", "none", None]["status"] == "ok"
    assert "f1" in done.said


def test_the_time_of_a_cell_is_limited_whatever_it_does(folder, tmp_path):
    started = time.monotonic()
    files = [part for name in ("ATTACKS", "DATA", "METRICS") for part in ("--plugin", plugin(folder, name))]
    axes = ("-D", "bad-data:loop", "-m", "linear", "-m", "bad-model:loop", "-a", "bad:loop", "-a", "none")
    metrics = ("--metric", "bad-metric:loop", "--metric", "robust-accuracy")
    words = (*files, *TINY, *axes, *metrics, "--cell-timeout", "0.7")
    done = run(folder, "CONTENDERS", *words, out=tmp_path / "r")
    assert time.monotonic() - started < 20
    codes = {key: cell["code"] for key, cell in done.cells.items()}
    assert codes.pop(("linear", "two-moons", "none", None)) is None
    assert set(codes.values()) == {"timeout"}
    assert len(codes) == 7
    attacked = done.cells["linear", "two-moons", "bad", "loop"]
    assert (
        "must end within 0.7 s, got no end by then. Raise --cell-timeout: what is judged is kept" in attacked["reason"]
    )
    assert "training bad-model:how=loop must end within 0.7 s" in done.said
    assert "bad-metric:how=loop of metrics" in done.said
    assert [score["metric"] for score in done.scores] == ["robust-accuracy"]


def test_an_attack_that_plays_control_c_ends_the_run_as_control_c_does(folder, tmp_path):
    words = (*TINY, "-m", "linear", "-a", "none", "-a", "bad:interrupt", "-a", "bad:raise")
    done = run(folder, "ATTACKS", *words, out=tmp_path / "r")
    assert done.code == 130
    assert done.cells["linear", "two-moons", "none", None]["status"] == "ok"  # kept
    assert done.cells["linear", "two-moons", "bad", "interrupt"]["code"] == "interrupted"
    assert ("linear", "two-moons", "bad", "raise") not in done.cells


def test_control_c_ends_a_run_under_time_limits(place):
    path = place.plugin("attacks", sources.ATTACKS)
    words = ("-o", place.out, *TINY, "-m", "linear", "-a", "none", "-a", "bad:loop")
    process = place.start("run", "--plugin", path, *words, "--timeout", "60", "--cell-timeout", "60")
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if len(list(place.out.glob("parts/*/cell.parquet"))) == 2:  # the second has begun
            time.sleep(0.5)
            process.send_signal(signal.SIGINT)
            break
        time.sleep(0.1)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert {row["attack"]: row["status"] for row in place.rows("cells")} == {"none": "ok", "bad": "failed"}
