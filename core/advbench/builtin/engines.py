"""The engine that needs nobody else: one task after the other, in this very process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from advbench import Crew, Done, Setup, Task


@dataclass(frozen=True)
class Local:
    """In process: what a plugin kills is the run. Ctrl-C interrupts the task under way."""

    def crew(self, setup: Setup, here: Callable[[], Any]) -> Crew:
        """One worker, here."""
        return _Alone(here())


class _Alone:
    def __init__(self, worker: Any) -> None:
        self.slots = 1
        self._worker = worker
        self._task: Task | None = None

    def submit(self, task: Task) -> None:
        """It is carried out by `wait`."""
        self._task = task

    def wait(self, seconds: float, told: Callable[[int, str, tuple[Any, ...]], None]) -> Sequence[Done]:
        """Carry out the task, however long it takes."""
        task, self._task = self._task, None
        if task is None:
            return ()
        number = task.number
        return (Done(number, self._worker.carry_out(task, lambda what, *values: told(number, what, values))),)

    def stop(self, task: int) -> None:
        """Nobody is left to call this."""

    def close(self) -> None:
        """Nothing is left open."""
