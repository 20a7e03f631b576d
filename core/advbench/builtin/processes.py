"""Worker processes on this machine: each in a group of its own, so that all it started ends with it."""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from advbench import Crew, Done, Lost, RequestError, Setup, Task, param

from .process import News, Process

_POLL = 0.5  # seconds between looks at processes whose pipe a child of theirs may hold open
_STILLBORN = 3  # workers that may die before any has begun with a task


@dataclass(frozen=True)
class Processes:
    """Workers that share this machine. Started afresh, never forked; one that dies is replaced."""

    jobs: int = param(0, ge=0, unit="workers", help="0: as many as the machine has cores")

    def crew(self, setup: Setup, here: Callable[[], Any]) -> Crew:
        """Its workers start when there is work for them."""
        if os.name != "posix":
            raise RequestError("engine process: the system must be POSIX, got another. Use --engine local.")
        jobs = self.jobs or os.cpu_count() or 1
        return _Crew(Setup(request=setup.request, files=setup.files, jobs=jobs), jobs)


class _Crew:
    def __init__(self, setup: Setup, jobs: int) -> None:
        self.slots = jobs
        self._setup = setup
        self._idle: list[Process] = []
        self._busy: dict[int, Process] = {}
        self._news: queue.SimpleQueue[News] = queue.SimpleQueue()
        self._begun, self._stillborn = False, 0

    def submit(self, task: Task) -> None:
        """A worker that knows the cell's contenders takes it, if there is one."""
        place = next((i for i, one in enumerate(self._idle) if one.cell == task.cell), -1)
        process = self._idle.pop(place) if self._idle else Process(self._setup, self._news)
        self._busy[task.number] = process
        process.give(task)

    def wait(self, seconds: float, told: Callable[[int, str, tuple[Any, ...]], None]) -> Sequence[Done | Lost]:
        """Listen to all workers. Raises RequestError if they die before they begin."""
        ends: list[Done | Lost] = []
        until = time.monotonic() + seconds
        while self._busy and not ends:
            try:
                ends += self._heard(self._news.get(timeout=max(0.0, min(_POLL, until - time.monotonic()))), told)
                while not self._news.empty():
                    ends += self._heard(self._news.get(), told)
            except queue.Empty:
                ends += [self._buried(number) for number, one in list(self._busy.items()) if one.gone()]
            if time.monotonic() >= until:
                break
        return ends

    def stop(self, task: int) -> None:
        """Its pipe tells of the end."""
        if task in self._busy:
            self._busy[task].kill()

    def close(self) -> None:
        """End them all, and what they started."""
        for process in (*self._idle, *self._busy.values()):
            process.end()
        self._idle.clear()
        self._busy.clear()

    def _heard(self, news: News, told: Callable[[int, str, tuple[Any, ...]], None]) -> list[Done | Lost]:
        process, number, what, values = news
        if self._busy.get(number) is not process:
            return []  # buried already
        if what == "gone":
            return [self._buried(number, *values)]
        self._begun = True
        if what == "done":
            self._idle.append(self._busy.pop(number))
            process.tidy()
            return [Done(number, values[0])]
        told(number, what, values)
        return []

    def _buried(self, number: int, flaw: str = "") -> Lost:
        process = self._busy.pop(number)
        tale = flaw or process.tale()
        process.end()
        self._stillborn += not self._begun
        if self._stillborn == _STILLBORN:
            why = tale.partition("\n")[0]
            raise RequestError(f"engine process: workers must live to begin, got {_STILLBORN} dead: {why}. Mend that.")
        return Lost(number, tale)
