"""A run that dies before any one of its changes to the disk is finished by the next one, as if nothing had been."""

import os
import random
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from advbench.bench import runner, work
from advbench.bench.plan import make_plan
from advbench.bench.request import Request
from advbench.bench.watcher import Watcher
from advbench.catalog.plugins import discover
from advbench.catalog.registry import read
from advbench.catalog.resolve import Resolver

sys.path.insert(0, str(Path(__file__).resolve().parent))
from killing import differences, leftovers

ASKED = Request(
    dataset=("two-moons",), model=("linear:epochs=2",), attack=("none", "random-noise:draws=3"), n=65, max_queries=3,
    metric=("robust-accuracy",), save_adversarials=True,
)  # fmt: skip


class Killed(BaseException):
    """Stands for kill -9: no handler of the code under test may catch it."""


class Disk:
    """Counts changes of the disk; the process is dead before the `last` one, and nothing gets through after it."""

    def __init__(self, monkeypatch):
        self.done, self.last = 0, None
        for name in ("replace", "rename", "unlink", "rmdir", "mkdir"):
            monkeypatch.setattr(os, name, self.guard(getattr(os, name)))
        monkeypatch.setattr(os, "fsync", lambda handle: None)  # processes are killed here, not machines

    def guard(self, change):
        def guarded(*args, **named):
            if self.done == self.last:
                raise Killed
            self.done += 1
            return change(*args, **named)

        return guarded


@pytest.fixture
def carry_out(monkeypatch, tmp_path):
    """Runs in a place of that name, to its end or to its `last` step; returns the steps taken."""
    disk = Disk(monkeypatch)
    found = Resolver(discover(), read())
    plan = make_plan(ASKED, found)

    def carry_out(name, last=None):
        monkeypatch.setenv("ADVBENCH_CACHE_DIR", str(tmp_path / name / "cache"))
        disk.done, disk.last = 0, last
        try:
            runner.run(plan, replace(ASKED, out=tmp_path / name / "report"), found.installed, Watcher())
        except Killed:
            assert last is not None
        finally:
            disk.last = None
        return disk.done

    return carry_out


def traces(place, quiet):
    """By what a report and its cache can be told from those of a run that nobody disturbed."""
    left = [path.name for path in (place / "cache" / "contenders").iterdir() if path.name.startswith(".")]
    return differences(place / "report", quiet / "report") + leftovers(place / "report") + left


def died_at(carry_out, tmp_path, steps):
    """What is wrong after a death at each of those steps, each in a place of its own, and a run to the end."""
    wrong = {}
    for step in steps:
        name = f"died-{step}"
        assert carry_out(name, step) == step
        carry_out(name)
        if found := traces(tmp_path / name, tmp_path / "quiet"):
            wrong[step] = found
    return wrong


def test_a_death_at_some_steps_leaves_no_trace(carry_out, tmp_path):
    total = carry_out("quiet")
    assert not died_at(carry_out, tmp_path, sorted(random.Random(5).sample(range(total), 20)))


@pytest.mark.slow
def test_a_death_at_any_step_leaves_no_trace(carry_out, tmp_path):
    total = carry_out("quiet")
    assert total > 60
    assert not died_at(carry_out, tmp_path, range(total))


@pytest.mark.slow
def test_a_death_while_an_earlier_one_is_mended_leaves_no_trace(carry_out, tmp_path):
    total, rng = carry_out("quiet"), random.Random(6)
    for pair in range(60):
        name, steps = f"pair-{pair}", (rng.randrange(total), rng.randrange(total))
        for step in (*steps, None):
            carry_out(name, step)
        assert not traces(tmp_path / name, tmp_path / "quiet"), steps


def test_rows_that_depend_on_what_the_process_did_before_are_noticed(carry_out, tmp_path, monkeypatch):
    honest, calls = work.run_shard, []

    def remembering(*args):
        outcome = honest(*args)
        calls.append(len(calls))
        outcome.examples[0]["queries"] += calls[-1]
        return outcome

    monkeypatch.setattr(work, "run_shard", remembering)
    total = carry_out("quiet")
    wrong = {}
    for step in range(total // 2, total, 4):
        calls.clear()
        carry_out(f"died-{step}", step)
        calls.clear()
        carry_out(f"died-{step}")
        wrong[step] = traces(tmp_path / f"died-{step}", tmp_path / "quiet")
        if wrong[step]:
            break
    assert any("queries" in text for found in wrong.values() for text in found)
