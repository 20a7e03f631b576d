"""Hands tasks to a crew, the most urgent first; tries again what was lost with its worker; stops what hangs."""

from __future__ import annotations

import heapq
import itertools
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from ..contract.engines import Answer, Crew, Done, Lost, Task, Trouble
from ..contract.texts import harmless, one_line

ATTEMPTS = 2  # that a task is given which takes its worker with it
MOVES = 20  # and one that was lost through no fault of its own
GRACE = 10.0  # seconds that a worker has beyond a limit before it is stopped
PATIENCE = 30.0  # seconds without room for any task, after which somebody is told
_HEARTBEAT = 0.5  # seconds after which limits are looked at
_LONGEST = 400, 20_000  # characters of why a worker died: in a sentence, and in full

Then: TypeAlias = Callable[[Answer], None]
Latest: TypeAlias = Callable[[Task], Task]  # what has changed by the time a task is handed out
Heard: TypeAlias = Callable[[Task, str, tuple[Any, ...]], None]  # progress: the task, what, values


class Fatal(Trouble):
    """The trouble of a task that took its worker with it each time, or had to be stopped with it.

    Whose code it was is for those to say who know; the reason begins with what it must do.
    """


@dataclass(order=True)
class _Entry:
    urgency: int
    number: int
    task: Task = field(compare=False)
    then: Then = field(compare=False)
    latest: Latest = field(compare=False)
    deaths: int = field(compare=False, default=0)
    moves: int = field(compare=False, default=0)
    wasted: float = field(compare=False, default=0.0)  # seconds of attempts that came to nothing
    since: float = field(compare=False, default=0.0)  # when this attempt began
    limit: float | None = field(compare=False, default=None)  # seconds that it has for what it does at the moment
    until: float | None = field(compare=False, default=None)  # when that is over, and the grace too
    late: bool = field(compare=False, default=False)


class Foreman:
    """Keeps a crew busy. `heard` is told of progress, `note` of workers that died."""

    def __init__(self, crew: Crew, heard: Heard, note: Callable[[str], None], grace: float = GRACE) -> None:
        self._crew, self._heard, self._note, self._grace = crew, heard, note, grace
        self._numbers = itertools.count()
        self._waiting: list[_Entry] = []
        self._under_way: dict[int, _Entry] = {}
        self._roomless: float | None = None  # since when nothing can be handed out; infinity once that was told

    @property
    def idle(self) -> bool:
        """Whether everything asked for is answered."""
        return not self._waiting and not self._under_way

    @property
    def hungry(self) -> bool:
        """Whether the crew could take more than it was given."""
        return not self._waiting and len(self._under_way) < max(1, self._crew.slots)

    def ask(self, task: Task, then: Then, urgency: int = 0, latest: Latest = lambda task: task) -> None:
        """Have a task carried out, lower urgencies first; `then` takes its answer, once."""
        self._queue(_Entry(urgency, 0, task, then, latest))

    def drop(self, unwanted: Callable[[Task], bool]) -> None:
        """Forget tasks that were not handed out yet."""
        self._waiting = [entry for entry in self._waiting if not unwanted(entry.task)]
        heapq.heapify(self._waiting)

    def step(self) -> None:
        """Hand out what the crew can take, and pass on what it has to tell."""
        while self._waiting and len(self._under_way) < self._crew.slots:
            entry = heapq.heappop(self._waiting)
            latest = entry.latest(entry.task)
            entry.task = replace(latest, spent=latest.spent + entry.wasted)
            entry.since, entry.limit, entry.until = time.monotonic(), None, None
            self._under_way[entry.number] = entry
            self._crew.submit(entry.task)
        for event in self._crew.wait(_HEARTBEAT, self._told):
            entry = self._under_way.pop(event.task)
            if isinstance(event, Done):
                entry.then(replace(event.answer, seconds=event.answer.seconds + entry.wasted))
            else:
                self._lost(entry, event)
        self._stop_late()
        self._tell_of_no_room()

    def _told(self, number: int, what: str, values: tuple[Any, ...]) -> None:
        entry = self._under_way[number]
        if what == "started":
            entry.since = time.monotonic()
        elif what == "limit":
            (entry.limit,) = values
            entry.until = None if entry.limit is None else time.monotonic() + max(0.0, entry.limit) + self._grace
        else:
            self._heard(entry.task, what, values)

    def _queue(self, entry: _Entry) -> None:
        entry.number = next(self._numbers)
        entry.task = replace(entry.task, number=entry.number)
        heapq.heappush(self._waiting, entry)

    def _lost(self, entry: _Entry, event: Lost) -> None:
        entry.wasted += time.monotonic() - entry.since
        why = one_line(event.why.partition("\n")[0], _LONGEST[0])
        if entry.late:
            reason = f"it must end within {entry.limit:.3g} s, got no end and no answer: its worker was stopped."
            self._give_up(entry, Fatal(code="timeout", reason=reason, trace=harmless(event.why, _LONGEST[1])))
            return
        entry.deaths += event.guilty
        entry.moves += not event.guilty
        if entry.deaths < ATTEMPTS and entry.moves < MOVES:
            self._note(f"a worker was lost ({why}); its work is done again.")
            self._queue(entry)
            return
        times = f"{entry.deaths or entry.moves} times"
        reason = f"it must leave its worker alive, got {times}: {why}."
        self._give_up(entry, Fatal(code="worker", reason=reason, trace=harmless(event.why, _LONGEST[1])))

    def _give_up(self, entry: _Entry, found: Fatal) -> None:
        entry.then(Answer(trouble=found, seconds=entry.wasted))

    def _tell_of_no_room(self) -> None:
        """A cluster may be without a machine for a task, for a while or for ever: whoever waits must know."""
        now = time.monotonic()
        if self._crew.slots or self._under_way or not self._waiting:
            self._roomless = None
        elif self._roomless is None:
            self._roomless = now
        elif now - self._roomless > PATIENCE:
            self._roomless = math.inf
            hint = "The run waits for some; Ctrl-C ends it and keeps what is finished."
            self._note(f"engine: it must have room for a task, got none for {PATIENCE:.0f} s. {hint}")

    def _stop_late(self) -> None:
        now = time.monotonic()
        for number, entry in list(self._under_way.items()):
            if entry.until is not None and not entry.late and now > entry.until:
                entry.late = True
                self._crew.stop(number)
