"""Every named suite can be run: as it is written as far as its plan, and a small copy of it to the end."""

import pytest

from advbench.catalog.grammar import parse
from advbench.catalog.registry import read

SUITES = read().suites
BUNDLED = ("two-moons", "digits", "breast-cancer")
# Instead of what a suite says.
FEW = {"steps": "4", "grid": "4", "iterations": "20", "draws": "20", "votes": "4", "eps": ".03"}
SHORT = {  # trainings
    "cw-cnn": {"epochs": "8", "optimizer": "adam", "learning_rate": ".002"},
    "madry-cnn": {"epochs": "5", "learning_rate": ".002", "dense": "64"},
    "mlp": {"epochs": "3"},
    "scd": {"votes": "4", "iterations": "50"},
}
TRAINED = ("source", "second", "third")  # fields of an attack that hold contenders


def data_of(suite):
    """The suite's own data where they are bundled, else pictures that are."""
    here = [text for text in suite.axes["dataset"] if parse(text).name in BUNDLED]
    return [word for text in here or ["digits"] for word in ("-D", text)]


@pytest.mark.parametrize("name", SUITES)
def test_a_suite_plans_without_a_refusal(place, name):
    done = place.call("run", "--suite", name, "--dry-run", "--strict", *data_of(SUITES[name]))
    assert done.returncode == 0, done.stderr
    assert ", 0 refused" in done.stdout


def test_a_suite_that_makes_no_sense_would_be_noticed(place):
    done = place.call("run", "--suite", "thesis-table-8", "--dry-run", "--strict", "-D", "digits", "--norm", "linf")
    assert done.returncode != 0
    assert "every cell must make sense" in done.stderr


def smaller(text):
    """The same component, trained and run for less long; of what it sweeps over, the first and the last."""
    spelt = parse(text)
    items = {key: FEW.get(key.rpartition(".")[2], value) for key, value in spelt.items.items()}
    items |= SHORT.get(spelt.name, {})
    for field in TRAINED:
        items |= {f"{field}.{key}": value for key, value in SHORT.get(items.get(field), {}).items()}
    for key, value in items.items():
        swept = value.strip("[]").split("/")
        if len(swept) > 2:
            items[key] = f"[{swept[0]}/{swept[-1]}]"
    return ":".join(filter(None, (spelt.name, ",".join(f"{key}={value}" for key, value in items.items()))))


@pytest.mark.slow
@pytest.mark.parametrize("name", SUITES)
def test_a_small_copy_of_a_suite_runs_to_its_end(place, name):
    suite = SUITES[name]
    axes = [
        word
        for axis in ("model", "defense", "attack")
        for text in suite.axes[axis]
        for word in (f"--{axis}", smaller(text))
    ]
    place.run("--suite", name, *data_of(suite), *axes, "-n", "2", "--max-queries", "500")
    cells, rows = place.rows("cells"), place.rows()
    assert cells
    assert {cell["status"] for cell in cells} == {"ok"}
    assert {row["verdict"] for row in rows} <= {"held", "broken", "skipped"}
    attacked = {row["cell_id"] for row in rows if row["verdict"] != "skipped"}
    assert attacked == {cell["cell_id"] for cell in cells}
