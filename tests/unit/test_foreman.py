"""Urgent tasks first; what took its worker with it is tried again, what hangs is stopped, and each is answered once."""

import time
from dataclasses import replace

import pytest
from scripted_crew import Scripted, task

from advbench import Answer, Trouble
from advbench.bench.foreman import ATTEMPTS, MOVES, Fatal, Foreman


class Ear:
    """Keeps what a foreman has to say."""

    def __init__(self):
        self.notes, self.heard, self.answers = [], [], []

    def foreman(self, crew, **more):
        return Foreman(crew, lambda *news: self.heard.append(news), self.notes.append, **more)


def finish(foreman, steps=100):
    for _ in range(steps):
        if foreman.idle:
            return
        foreman.step()
    raise AssertionError("it never ends")


def test_the_most_urgent_come_first_and_equals_in_their_order():
    crew, ear = Scripted(), Ear()
    foreman = ear.foreman(crew)
    for shard, urgency in enumerate([2, 1, 2, 0, 1]):
        foreman.ask(task(shard), ear.answers.append, urgency)
    finish(foreman)
    assert [one.shard for one in crew.handed] == [3, 1, 4, 0, 2]
    assert len(ear.answers) == 5


def test_a_crew_is_given_what_it_can_take_and_is_hungry_below_that():
    crew, ear = Scripted(lambda task: None, slots=2), Ear()
    foreman = ear.foreman(crew)
    assert foreman.hungry
    for shard in range(3):
        foreman.ask(task(shard), ear.answers.append)
    foreman.step()
    assert len(crew.handed) == 2
    assert not foreman.hungry
    crew.slots = 4
    foreman.step()
    assert len(crew.handed) == 3
    assert foreman.hungry
    crew.slots = 0  # all nodes are gone; those under way are not taken back
    foreman.step()
    assert not foreman.hungry
    crew.slots, crew.script = 4, lambda task: Answer()
    finish(foreman)
    assert len(ear.answers) == 3


def test_a_crew_without_room_is_told_once_and_again_when_it_lost_it_again(monkeypatch):
    monkeypatch.setattr("advbench.bench.foreman.PATIENCE", 0.0)
    crew, ear = Scripted(slots=0), Ear()
    foreman = ear.foreman(crew)
    for _ in range(3):
        foreman.step()
    assert ear.notes == []  # nothing waits
    foreman.ask(task(), ear.answers.append)
    for _ in range(5):
        foreman.step()
        time.sleep(0.001)
    (told,) = ear.notes
    assert told.startswith("engine: it must have room for a task, got none for 0 s.")
    crew.slots = 1
    finish(foreman)
    crew.slots = 0
    foreman.ask(task(1), ear.answers.append)
    for _ in range(5):
        foreman.step()
        time.sleep(0.001)
    assert len(ear.notes) == 2


def test_a_task_is_handed_out_as_it_is_by_then():
    crew, ear = Scripted(), Ear()
    foreman, latest = ear.foreman(crew), []
    foreman.ask(task(1), ear.answers.append, latest=lambda one: latest.append(one) or replace(one, spent=7.0))
    assert not latest
    finish(foreman)
    assert [one.spent for one in crew.handed] == [7.0]


def test_what_is_dropped_is_never_handed_out():
    crew, ear = Scripted(), Ear()
    foreman = ear.foreman(crew)
    for shard in range(6):
        foreman.ask(task(shard), ear.answers.append, urgency=-shard)
    foreman.drop(lambda one: one.shard % 2)
    finish(foreman)
    assert [one.shard for one in crew.handed] == [4, 2, 0]


@pytest.mark.parametrize(("innocent", "times"), [(False, ATTEMPTS), (True, MOVES)])
def test_a_task_that_takes_its_workers_with_it_is_given_up(innocent, times):
    crew, ear = Scripted(lambda task: "it died\nof\x1b[31m this", innocent=innocent), Ear()
    foreman = ear.foreman(crew)
    foreman.ask(task(), ear.answers.append)
    finish(foreman)
    assert len(crew.handed) == len({one.number for one in crew.handed}) == times
    (answer,) = ear.answers
    assert isinstance(answer.trouble, Fatal)
    assert answer.trouble.code == "worker"
    assert answer.trouble.reason == f"it must leave its worker alive, got {times} times: it died."
    assert answer.trouble.trace == "it died\nof\\x1b[31m this"
    assert ear.notes == ["a worker was lost (it died); its work is done again."] * (times - 1)


def test_a_task_that_dies_once_is_done_again_and_its_time_counts():
    deaths = ["bad luck"]

    def script(one):
        time.sleep(0.05)
        return deaths.pop() if deaths else Answer(found="well", seconds=1.0)

    crew, ear = Scripted(script), Ear()
    foreman = ear.foreman(crew)
    foreman.ask(task(), ear.answers.append, latest=lambda one: replace(one, spent=3.0))
    finish(foreman)
    (answer,) = ear.answers
    assert (answer.found, answer.trouble) == ("well", None)
    assert 1.05 <= answer.seconds < 2
    assert crew.handed[0].spent == 3.0
    assert 3.05 <= crew.handed[1].spent < 4


def test_a_task_with_trouble_of_its_own_is_not_tried_again():
    trouble = Trouble(code="ValueError", reason="no", trace="")
    crew, ear = Scripted(lambda task: Answer(trouble=trouble)), Ear()
    foreman = ear.foreman(crew)
    foreman.ask(task(), ear.answers.append)
    finish(foreman)
    assert len(crew.handed) == 1
    assert ear.answers[0].trouble is trouble


def test_a_task_that_hangs_is_stopped_after_its_limit_and_grace_and_not_tried_again():
    crew, ear = Scripted(lambda task: None, slots=2), Ear()
    foreman = ear.foreman(crew, grace=0.2)
    foreman.ask(task(0), ear.answers.append)
    foreman.ask(task(1), ear.answers.append)
    foreman.step()
    crew.news = [(0, "limit", (0.1,)), (1, "limit", (0.1,))]
    foreman.step()
    time.sleep(0.2)
    crew.news = [(1, "limit", (None,))]  # the second has ended what had a limit
    foreman.step()
    assert not crew.stopped
    time.sleep(0.2)
    foreman.step()
    assert crew.stopped == [0]
    foreman.step()
    assert not ear.notes
    (answer,) = ear.answers
    assert isinstance(answer.trouble, Fatal)
    assert answer.trouble.code == "timeout"
    assert answer.trouble.reason == "it must end within 0.1 s, got no end and no answer: its worker was stopped."
    assert answer.seconds >= 0.4
    assert len(crew.handed) == 2


def test_the_time_that_a_worker_takes_to_start_is_not_its_tasks():
    crew, ear = Scripted(lambda task: None), Ear()
    foreman = ear.foreman(crew, grace=0.0)
    foreman.ask(task(), ear.answers.append)
    foreman.step()
    time.sleep(0.2)
    crew.news = [(0, "started", ())]
    foreman.step()
    crew.script = lambda task: "it died"
    foreman.step()
    foreman.step()
    assert crew.handed[1].spent < 0.1


def test_progress_is_passed_on_with_its_task():
    crew, ear = Scripted(lambda task: None), Ear()
    foreman = ear.foreman(crew)
    foreman.ask(task(4), ear.answers.append)
    foreman.step()
    crew.news = [(0, "queries", (5,)), (0, "training", ("mlp", 1, 2))]
    foreman.step()
    assert [(one.shard, what, values) for one, what, values in ear.heard] == [
        (4, "queries", (5,)), (4, "training", ("mlp", 1, 2)),
    ]  # fmt: skip


def test_answers_may_ask_for_more():
    crew, ear = Scripted(), Ear()
    foreman = ear.foreman(crew)

    def again(answer):
        ear.answers.append(answer)
        if len(ear.answers) < 4:
            foreman.ask(task(len(ear.answers)), again)

    foreman.ask(task(), again)
    finish(foreman)
    assert [one.shard for one in crew.handed] == [0, 1, 2, 3]
