"""How much time is left, as far as can be told: nothing at first, and never absurdly much."""

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from advbench.cli import progress
from advbench.cli.progress import LiveWatcher, PlainWatcher, time_left


class Clock:
    now = 0.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def cell(budget):
    return SimpleNamespace(
        cell_id="c", text="mlp × zoo on digits", attack=SimpleNamespace(text="zoo"),
        opponent=SimpleNamespace(text="mlp"), threat=SimpleNamespace(max_queries=budget),
    )  # fmt: skip


class Watched:
    """A plain watcher of one cell, and what it wrote last."""

    def __init__(self, clock, budget, examples, done=0):
        self._clock, self._file = clock, io.StringIO()
        self.plain = PlainWatcher(Console(file=self._file, width=200))
        self.cell = cell(budget)
        self.plain.cell_started(self.cell, examples, done)

    def asked(self, seconds, queries):
        self._clock.now += seconds
        self.plain.queries(self.cell, queries)
        return self._file.getvalue().splitlines()[-1].strip()


def test_examples_side_by_side_that_end_long_before_their_budget_frighten_nobody(clock):
    watched = Watched(clock, budget=10_000, examples=20)
    assert watched.asked(88, 10_000) == "… zoo × mlp, 114 queries/s: 1/20"  # and ends soon: not 28 minutes


def test_what_is_told_is_at_most_four_times_what_it_took(clock):
    watched = Watched(clock, budget=100, examples=20)
    for spent in range(1, 20):
        words = watched.asked(10, 100)
        left = f", about {progress.duration(10 * (20 - spent))} left" if spent >= 4 else ""
        assert words.endswith(f": {spent}/20{left}")


def test_shares_of_examples_under_way_count(clock):
    watched = Watched(clock, budget=100, examples=2)
    assert watched.asked(10, 30).endswith(": 0/2")
    assert watched.asked(10, 30).endswith(": 0/2, about 46.7 s left")


def test_what_an_earlier_run_judged_took_no_time(clock):
    watched = Watched(clock, budget=100, examples=1_000, done=900)
    assert watched.asked(10, 1_000).endswith(": 910/1000")
    watched.plain.judged(watched.cell, 50)
    assert watched.asked(40, 0).endswith(": 950/1000, about 50.0 s left")


def test_without_a_budget_only_verdicts_count(clock):
    watched = Watched(clock, budget=None, examples=10)
    assert watched.asked(10, 10**9).endswith(": 0/10")
    watched.plain.judged(watched.cell, 5)
    assert watched.asked(10, 1).endswith(": 5/10, about 20.0 s left")


@pytest.mark.parametrize(("done", "total"), [(0, 10), (1.9, 10), (0, 0), (-1, 10)])
def test_too_little_is_done_to_tell(done, total):
    assert time_left(60, done, total) == ""


def test_trainings_tell_it_too_and_so_do_the_live_bars(clock):
    file = io.StringIO()
    plain = PlainWatcher(Console(file=file, width=200))
    for done in (0, 1, 5):
        plain.training("mlp", done, 10)
        clock.now += 10
    assert [line.strip() for line in file.getvalue().splitlines()] == [
        "… training mlp: 1/10", "… training mlp: 5/10, about 20.0 s left",
    ]  # fmt: skip
    live = LiveWatcher(Console(file=io.StringIO(), width=200))
    live.cell_started(cell(100), 10, 0)
    clock.now += 10
    live.queries(cell(100), 500)
    (bar,) = live._progress.tasks
    assert (bar.completed, bar.fields["more"]) == (5, "50 queries/s, about 10.0 s left")
