"""What a plan may cost, and how quickly a large one is known."""

import math
import time
from dataclasses import replace

import pytest
import torch
from plan_case import ATTACK, Climb, plan, resolver
from typer.testing import CliRunner

from advbench import State
from advbench.bench.cache import ContenderCache
from advbench.bench.estimate import GRADIENT, estimate, row_seconds
from advbench.bench.freshness import training_key
from advbench.cli.app import app
from advbench.cli.run import _engine
from advbench.contract.errors import RequestError
from advbench.testing import LinearContender, grid_examples


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ADVBENCH_CACHE_DIR", str(tmp_path))


def cell(**options):
    (found,) = [one for one in plan(**options).cells if not one.refused]
    return found


def guess(one):
    return estimate(one, "cpu", ContenderCache())


def test_bounds_are_budgets_times_examples():
    found = guess(cell(model=("linear",), attack=("random-noise",), n=20, max_queries=7))
    assert (found.examples, found.queries, found.gradients) == (20, 140, 0)
    assert (found.seconds, found.training) == (None, None)  # never trained here
    found = guess(cell(model=("mlp",), attack=("climb",), n=20, max_queries=7, max_gradients=3))
    assert (found.queries, found.gradients) == (140, 60)
    assert guess(cell(model=("linear",), attack=("none",), n=20)).queries == 0
    assert guess(cell(model=("linear",), attack=("random-noise",), max_queries="none")).queries == math.inf


class Learner(Climb):
    def prepare(self, oracle, seeds, rng):
        return State({})


def test_what_an_attack_asks_before_its_first_example_is_among_them():
    found = resolver(("attack", replace(ATTACK, name="learner"), Learner))

    def queries(most):
        options = {"attack": ("learner", "climb"), "max_queries": 7, "max_prepare_queries": most}
        cells = plan(found, model=("mlp",), n=20, **options).cells
        return {one.attack.name: guess(one).queries for one in cells}

    assert queries(1_000) == {"learner": 1_140, "climb": 140}
    assert queries("none") == {"learner": math.inf, "climb": 140}


def test_a_contender_that_was_trained_here_tells_its_pace():
    one = cell(model=("mlp",), attack=("climb",), n=20, max_queries=7, max_gradients=3)
    meta = {"digest": "d", "log": [], "row_seconds": 0.5}
    ContenderCache().store(training_key(one, "cpu"), b"", meta)
    found = guess(one)
    assert found.seconds == pytest.approx(0.5 * (140 + GRADIENT * 60))
    assert found.training == 0.0


def test_pace_is_seconds_a_row():
    class Slow(LinearContender):
        def scores(self, x, *, noise=None):
            time.sleep(0.001 * len(x))
            return super().scores(x)

    assert 0.001 <= row_seconds(Slow(), grid_examples(64), 2, torch.device("cpu")) < 0.01


def test_the_plan_is_shown_with_its_sums_and_nothing_is_done(tmp_path):
    words = ("-D", "two-moons", "-m", "linear", "-a", "random-noise:draws=[2/3]", "-a", "zoo", "-n", "8", "-j", "3")
    done = CliRunner().invoke(app, ["run", *words, "--max-queries", "5", "--dry-run", "-o", str(tmp_path / "report")])
    assert done.exit_code == 0, done.output
    assert "8 examples, <= 40 queries, contender to be trained" in done.stdout
    assert "3 cells to run or find done, 0 refused" in done.stdout
    assert "at most 120 queries, over 24 attacked examples" in done.stdout
    assert "3 workers" in done.stdout
    assert not (tmp_path / "report").exists()


def test_thousands_of_cells_are_planned_in_seconds(tmp_path):
    sweep = f"random-noise:draws=[{'/'.join(map(str, range(1, 101)))}]"
    seeds = [word for seed in range(20) for word in ("--seed", str(seed))]
    words = ["-D", "two-moons", "-m", "linear", "-a", sweep, *seeds, "-n", "4", "--dry-run"]
    started = time.process_time()
    done = CliRunner().invoke(app, ["run", *words, "-o", str(tmp_path / "report")])
    assert "2,000 cells to run or find done" in done.stdout
    assert time.process_time() - started < 2.0  # ten seconds for ten thousand


@pytest.mark.parametrize(
    ("engine", "jobs", "spelled"),
    [
        (None, None, "local"), (None, 1, "local"), (None, 4, "process:jobs=4"), (None, 0, "process:jobs=0"),
        ("process", 1, "process:jobs=1"), ("ray", 2, "ray:jobs=2"), ("ray:cpus=.5", None, "ray:cpus=.5"),
        ("ray:cpus=.5", 3, "ray:cpus=.5,jobs=3"),
    ],
)  # fmt: skip
def test_jobs_and_engine_spell_one_engine(engine, jobs, spelled):
    assert _engine(engine, jobs) == spelled


@pytest.mark.parametrize(
    ("engine", "jobs", "told"), [(None, -1, "--jobs must be >= 0"), ("process:jobs=3", 2, "--jobs must be given once")]
)
def test_jobs_that_make_no_sense_are_refused(engine, jobs, told):
    with pytest.raises(RequestError, match=told):
        _engine(engine, jobs)
