"""Whatever a model, a defense or a data set does wrong, it is named, and its own cells fail alone."""

import pytest
from bad_case import TINY, run

MODELS = {
    "raise": ("ValueError", "got ValueError: cannot be made."),
    "exit": ("SystemExit", "got SystemExit: 4."),
    "none": ("PluginError", "it must give a contender with ContenderFacts, got NoneType."),
    "state": ("PluginError", "state() must return a State, got str."),
    "labels-none": ("ContestError", "it must answer every point, got NoneType"),
    "labels-dtype": ("ContestError", "labels must be torch.int64 ("),
    "labels-shape": ("ContestError", "labels must be torch.int64 ("),
    "labels-range": ("ContestError", "labels must lie in -1..1, got 99 to 99"),
    "labels-raise": ("ValueError", "got ValueError: no labels today."),
    "labels-exit": ("SystemExit", "got SystemExit: 1."),
    "scores-nan": ("ContestError", "scores must be numbers, got NaN"),
    "scores-shape": ("ContestError", "scores must be float32 ("),
    "scores-giant": ("ContestError", "got torch.float32 (1000000000, 1000000)"),
    "scores-dtype": ("ContestError", "scores must be float32 ("),
    "scores-list": ("ContestError", "it must answer every point, got list"),
    "gradient-none": ("ContestError", "value_and_grad must return (loss, gradient), got an answer without"),
    "gradient-nan": ("ContestError", "gradient 'exact' must be numbers, got NaN"),
    "gradient-shape": ("ContestError", "gradient 'exact' must be torch.float32 ("),
}


@pytest.fixture(scope="module")
def contenders(folder):
    words = [part for how in (*MODELS, "print") for part in ("-m", f"bad-model:{how}")]
    words += [part for how in MODELS for part in ("-d", f"bad-defense:{how}")]
    return run(folder, "CONTENDERS", *TINY, *words, "-d", "none", "-m", "linear", "-a", "none")


@pytest.mark.parametrize("how", MODELS)
@pytest.mark.parametrize("kind", ["model", "defense"])
def test_a_contender_at_fault_fails_its_cells_alone(contenders, kind, how):
    code, told = MODELS[how]
    cell = contenders.cells[f"bad-{kind}", "two-moons", "none", how]
    assert (cell["status"], cell["code"]) == ("failed", code)
    assert told in cell["reason"]
    assert f"bad-{kind}" in cell["reason"]
    assert "contenders (" in cell["reason"]  # the plugin
    assert " ".join(cell["reason"].split()) in contenders.said


def test_the_other_contenders_go_on(contenders):
    assert contenders.code == 1
    assert contenders.cells["linear", "two-moons", "none", None]["status"] == "ok"
    assert contenders.cells["bad-model", "two-moons", "none", "print"]["status"] == "ok"
    assert any("plugins printed 100,0" in note for note in contenders.entry["notes"])


DATA = {
    "raise": ("OSError", "got OSError: disk gone."),
    "exit": ("SystemExit", "got SystemExit: 2."),
    "type": ("DataError", "load must return Examples, got NoneType."),
    "nan": ("DataError", "inputs must be finite, got NaN or infinity."),
    "outside": ("DataError", "inputs must lie in [0, 1], got"),
    "dtype": ("DataError", "inputs must be float32 (N, 3), got torch.float64 (12, 3)."),
    "shape": ("DataError", "inputs must be float32 (N, 3), got torch.float32 (12, 2)."),
    "list": ("DataError", "inputs must be float32 (N, 3), got float32 (12, 3)."),
    "labels-dtype": ("DataError", "labels must be torch.int64 (N,), got torch.float32 (12,)."),
    "labels-range": ("DataError", "labels must be 0 to 1, got 5 to 6."),
    "ids": ("DataError", "each input must have an id of its own and a label"),
    "lengths": ("DataError", "got (12, 12, 11) ids, inputs, labels."),
}


@pytest.fixture(scope="module")
def data(folder):
    words = [part for how in DATA for part in ("-D", f"bad-data:{how}")]
    return run(folder, "DATA", *words, *TINY, "-m", "linear", "-a", "none")


@pytest.mark.parametrize("how", DATA)
def test_data_at_fault_fail_their_cells_alone(data, how):
    code, told = DATA[how]
    cell = data.cells["linear", "bad-data", "none", how]
    assert (cell["status"], cell["code"]) == ("failed", code)
    assert told in cell["reason"]
    assert "bad-data" in cell["reason"]
    assert data.code == 1
    assert data.cells["linear", "two-moons", "none", None]["status"] == "ok"
