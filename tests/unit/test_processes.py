"""Worker processes may do what they like: every task ends in one word of its end, and nothing is left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from advbench import Done, Lost, RequestError, Setup
from advbench.builtin import process
from advbench.builtin.processes import Processes

TOY = Path(__file__).resolve().parent / "toy_worker.py"


@pytest.fixture
def crew(monkeypatch):
    """Two workers that misbehave."""
    monkeypatch.setattr(process, "_program", lambda: str(TOY))
    crew = Processes(jobs=2).crew(Setup(request="", files=()), lambda: None)
    yield crew
    crew.close()


def task(number, how, cell=0, **more):
    return SimpleNamespace(number=number, cell=cell, how=how, **more)


def ends_of(crew, *tasks, seconds=20.0, told=lambda *news: None):
    """What became of those tasks, by number; and of earlier ones that ended meanwhile."""
    for one in tasks:
        crew.submit(one)
    return awaited(crew, {one.number for one in tasks}, {}, seconds, told)


def awaited(crew, numbers, found, seconds=20.0, told=lambda *news: None):
    """All ends in `found`, and those that come until all of these numbers are among them."""
    until = time.monotonic() + seconds
    while missing := numbers - found.keys():
        assert time.monotonic() < until, f"no end of tasks {missing}"
        for end in crew.wait(0.5, told):
            assert end.task not in found
            found[end.task] = end
    return found


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def gone_soon(*pids, seconds=2.0):
    until = time.monotonic() + seconds
    while any(map(alive, pids)) and time.monotonic() < until:
        time.sleep(0.02)
    return not any(map(alive, pids))


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("segfault", "its worker ended with signal 11 (SIGSEGV), Fatal Python error: Segmentation fault"),
        ("exit", "its worker ended with exit code 3"),
        ("exit-early", "its worker ended with exit code 0"),
        ("sys-exit", "its worker ended with exit code 1, SystemExit: 4"),
        ("kill", "its worker ended with signal 9 (SIGKILL: killed, perhaps for want of memory)"),
        ("terminate", "its worker ended with signal 15 (SIGTERM)"),
        ("interrupt", "its worker ended with exit code 1, KeyboardInterrupt"),
        ("interrupt-itself", "its worker ended with signal 2 (SIGINT)"),
        ("close-all", "its worker ended with exit code 1"),
        ("die-with-company", "its worker ended with exit code 5"),
        ("speak", "its worker ended with exit code 9, \x1b]0;owned\x07last words"),  # made harmless by who tells it
        ("unreadable", "its answer must be readable here, got ModuleNotFoundError: No module named 'toys'"),
    ],
)
def test_a_worker_that_dies_costs_its_own_task_only(crew, how, told):
    ends = ends_of(crew, task(0, how), task(1, "well"))
    assert isinstance(ends[0], Lost)
    assert ends[0].guilty
    assert ends[0].why.partition("\n")[0] == told
    assert isinstance(ends[1], Done)
    assert isinstance(ends_of(crew, task(2, "well"), task(3, "well"))[3], Done)  # another took its place


@pytest.mark.parametrize("how", ["close-standard", "company", "threads-error", "chatter"])
def test_what_a_worker_survives_is_no_loss(crew, how):
    (first,) = ends_of(crew, task(0, how)).values()
    (second,) = ends_of(crew, task(1, "well")).values()
    assert first.answer.pid == second.answer.pid


def test_what_compiled_code_printed_is_told_only_of_the_task_that_it_killed(crew):
    ends_of(crew, task(0, "chatter"))
    assert ends_of(crew, task(1, "exit"))[1].why == "its worker ended with exit code 3"


@pytest.mark.parametrize("how", ["hang", "close-all-and-go-on"])
def test_a_worker_that_listens_to_nobody_can_be_stopped(crew, how):
    crew.submit(task(0, how))
    ends = ends_of(crew, task(1, "well"))
    assert isinstance(ends[1], Done)
    crew.stop(0)
    ends = awaited(crew, {0}, ends, seconds=5)  # one whose pipe has closed may have been stopped before
    assert isinstance(ends[0], Lost)


def test_a_child_that_left_its_worker_cannot_hold_up_the_run(crew):
    children = []
    lost = ends_of(
        crew, task(0, "daemon"), told=lambda number, what, values: children.extend(values if what == "limit" else ())
    )
    assert lost[0].why.startswith("its worker ended with exit code 5")
    os.kill(children[-1], signal.SIGKILL)


def test_what_workers_started_ends_with_the_run(crew):
    children = []

    def told(number, what, values):
        children.extend(values if what == "limit" else ())

    ends = ends_of(crew, task(0, "company"), task(1, "company"), told=told)
    workers = [end.answer.pid for end in ends.values()]
    assert len(children) == 2
    assert all(map(alive, [*children, *workers]))
    crew.close()
    assert gone_soon(*children, *workers)


def test_large_tasks_and_answers_pass_while_another_worker_hangs(crew):
    crew.submit(task(0, "hang"))
    large = task(1, "well", size=5_000_000, prepared=b"p" * 5_000_000)
    assert len(ends_of(crew, large)[1].answer.content) == 5_000_000
    crew.stop(0)
    ended = awaited(crew, {0}, ends_of(crew, task(2, "well", cell=7)))
    assert {number: type(end) for number, end in ended.items()} == {0: Lost, 2: Done}


def test_a_worker_hears_of_the_cell_that_it_knows_first(crew):
    first = ends_of(crew, task(0, "well", cell=1), task(1, "well", cell=2))
    again = ends_of(crew, task(2, "well", cell=2), task(3, "well", cell=1))
    assert again[2].answer.pid == first[1].answer.pid
    assert again[3].answer.pid == first[0].answer.pid


def test_queries_are_added_up_and_limits_are_told_each_time(crew):
    news = []
    ends_of(crew, task(0, "hurry"), told=lambda number, what, values: news.append((number, what, *values)))
    assert news[0] == (0, "started")
    assert sum(one[2] for one in news if one[1] == "queries") == 1003
    assert len(news) < 50
    assert [one for one in news if one[1] == "limit"] == [(0, "limit", 2.0), (0, "limit", None)]


def test_workers_that_cannot_begin_end_the_run(monkeypatch):
    monkeypatch.setattr(process, "_program", lambda: str(TOY))
    crew = Processes(jobs=1).crew(Setup(request="dies at start", files=()), lambda: None)
    for number in range(2):
        assert isinstance(ends_of(crew, task(number, "well"))[number], Lost)
    with pytest.raises(RequestError, match=r"workers must live to begin, got 3 dead: .* exit code 1, .*no luck"):
        ends_of(crew, task(2, "well"))
    crew.close()


RUN = """
import sys, time
sys.path.insert(0, sys.argv[1])
import test_processes as case
case.process._program = lambda: str(case.TOY)
crew = case.Processes(jobs=2).crew(case.Setup(request="", files=()), lambda: None)
crew.submit(case.task(0, "hang"))
crew.submit(case.task(1, "company"))
def told(number, what, values):
    if what == "limit":
        print(*values, *(one._process.pid for one in crew._busy.values()), flush=True)
while True:
    crew.wait(0.5, told)
"""


def test_nothing_outlives_a_run_that_was_killed():
    """One worker keeps the interpreter to itself, another has a child."""
    with subprocess.Popen([sys.executable, "-c", RUN, str(TOY.parent)], stdout=subprocess.PIPE, text=True) as run:
        pids = [int(word) for word in run.stdout.readline().split()]
        assert len(pids) == 3
        assert all(map(alive, pids))
        run.kill()
    assert gone_soon(*pids)


def test_a_file_named_as_a_module_of_the_standard_library_disturbs_no_worker(crew, tmp_path, monkeypatch):
    for name in ("queue", "random", "signal", "torch"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('the wrong one')")
    monkeypatch.chdir(tmp_path)
    assert isinstance(ends_of(crew, task(0, "well"))[0], Done)
