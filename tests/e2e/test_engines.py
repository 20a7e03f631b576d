"""Whoever does the work, in whatever order: the same tables, and each contender trained once."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
import engine_plugins
from killing import differences, leftovers

WORDS = (
    "-D", "digits:classes=3/5/8", "-m", "means", "-m", "means:shake=.3", "-d", "none", "-d", "rounded",
    "-a", "random-noise:draws=3", "-a", "learner", "-a", "borrow", "-n", "12", "--max-queries", "6",
    "--targeted", "--targets", "all", "--eligible", "all-correct", "--eps", "4", "--save-adversarials",
    "--max-prepare-queries", "10",
)  # fmt: skip


def run_by(place, name, *engine):
    """A run in a place of its own, its cache included; and who was trained, by which process."""
    root = place.root / name
    root.mkdir()
    own = type(place)(root, root / "cache")
    done = own.run("--plugin", own.plugin("working", engine_plugins.WORKING), *WORDS, *engine)
    trained = [line.rpartition(" ") for line in (root / "trained.txt").read_text().splitlines()]
    return own, done, [(who, pid) for who, _, pid in trained]


def test_two_processes_write_what_one_writes_and_train_each_contender_once(place):
    alone, _, trained = run_by(place, "local", "--engine", "local")
    both, done, trained_too = run_by(place, "process", "--jobs", "2")
    assert not differences(both.out, alone.out)
    assert leftovers(both.out) == leftovers(alone.out)  # what attacks prepared is kept
    cells = both.rows("cells")
    assert len(cells) == 12
    assert {cell["status"] for cell in cells} == {"ok"}
    assert any(row["verdict"] == "broken" for row in both.rows())
    assert list(both.out.glob("adversarials/*/shard-*"))
    assert sorted(who for who, _ in trained) == sorted(who for who, _ in trained_too)
    # The victims, and again under other seeds those that are a source against themselves.
    assert len(trained) == 5, trained
    assert len({pid for _, pid in trained_too}) == 2
    said = " ".join(done.stderr.split())
    assert "1/12 means" in said
    assert said.count("trained in") == 5


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--jobs", "-1"), "run: --jobs must be >= 0, got -1. 0 is one for each core."),
        (("--engine", "process:jobs=3", "--jobs", "2"), "run: --jobs must be given once, got it in --engine"),
        (("--engine", "proces"), "process"),
        (("--engine", "process:job=3"), "jobs"),
        (("--engine", "local", "--jobs", "2"), "jobs"),
    ],
)
def test_who_cannot_do_the_work_is_told_before_any_is_done(place, words, told):
    done = place.run("-D", "two-moons", "-a", "none", *words, code=2)
    assert told in " ".join(done.stderr.split())
    assert not place.out.exists()


@pytest.mark.parametrize(
    ("words", "variables", "workers"),
    [
        (("--jobs", "2"), {}, 2),
        ((), {"ADVBENCH_JOBS": "3"}, 3),
        (("--engine", "process:jobs=5"), {}, 5),
        (("--engine", "process", "--jobs", "4"), {}, 4),
        (("--jobs", "1"), {}, 1),
        ((), {}, 1),
    ],
)
def test_jobs_and_engine_are_two_spellings_of_one_thing(place, words, variables, workers):
    place.env.update(variables)
    done = place.run("-D", "two-moons", "-m", "linear", "-a", "none", "-n", "8", "--dry-run", *words)
    told = f", {workers} workers" if workers > 1 else "and its contender\n"
    assert told in done.stdout
