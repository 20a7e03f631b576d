"""A metric, a hook or a distance at fault spoils nothing but its own."""

import pytest
from bad_case import TINY, call, run

METRICS = {
    "raise": "it must end without an error, got ValueError: no number today.",
    "exit": "it must end without an error, got SystemExit: 0.",
    "word": "it must return an Estimate, got str.",
    "field": "value must be float, got 'high'.",
    "nan": "its value must be a number, got NaN over 12 examples.",
}


@pytest.fixture(scope="module")
def metrics(folder):
    words = [part for how in (*METRICS, "print", "spoil") for part in ("--metric", f"bad-metric:{how}")]
    return run(folder, "METRICS", *TINY, "-m", "linear", *words, "--metric", "robust-accuracy", "-a", "none")


@pytest.mark.parametrize("how", METRICS)
def test_a_metric_at_fault_misses_its_own_scores(metrics, how):
    name = "bad-metric" if how == "raise" else f"bad-metric:how={how}"
    told = f"metric {name} of metrics ({metrics.out.parent / 'metrics.py'} file): {METRICS[how]}"
    assert told in metrics.said
    assert any(told in note for note in metrics.entry["notes"])


def test_the_other_scores_are_stored(metrics):
    found = {score["metric"]: score["value"] for score in metrics.scores}
    assert found.keys() == {"bad-metric:how=print", "bad-metric:how=spoil", "robust-accuracy"}
    assert 0.5 < found["robust-accuracy"] < 1.01
    assert metrics.cells["linear", "two-moons", "none", None]["status"] == "ok"
    assert (metrics.code, metrics.entry["outcome"]["unscored"]) == (1, len(METRICS))
    assert any("metrics: plugins printed 100,001 bytes" in note for note in metrics.entry["notes"])


def test_a_hook_at_fault_changes_nothing(metrics):
    assert any("got ValueError: not interested. The cell is not affected." in note for note in metrics.entry["notes"])


def test_rescoring_goes_on_past_a_metric_at_fault(metrics, folder):
    words = [part for how in ("raise", "print") for part in ("--metric", f"bad-metric:{how}")]
    done = call("rescore", metrics.out, "--plugin", folder / "metrics.py", *words)
    assert "1 scores of 1 cells written" in done.said
    assert METRICS["raise"] in done.said
    assert done.code == 1


def test_two_distances_of_one_norm_break_that_norm_alone(folder):
    for norm, status in (("linf", "failed"), ("l2", "ok")):
        done = run(folder, "DISTANCE", *TINY, "-m", "linear", "-a", "none", "--norm", norm, out=folder / f"d-{norm}")
        (cell,) = done.cells.values()
        assert cell["status"] == status
        assert "norm linf must have one distance for tabular inputs, got linf of builtin" in done.said
        assert "and generous of distance (" in done.said
