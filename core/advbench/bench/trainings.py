"""The contenders of a run: each is trained once, however many cells wait for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ..contract.engines import Answer, Task, Trouble
from .cache import ContenderCache
from .contenders import contenders_of, name_of
from .foreman import Fatal, Foreman
from .freshness import training_key
from .isolation import suspects
from .notes import Notes
from .plan import Cell
from .request import Request
from .watcher import Watcher
from .work import Ready

Outcome = Ready | Trouble
TRAIN_FIRST = 0  # urgency: whoever waits for a contender can do nothing else


@dataclass
class _Training:
    outcome: Outcome | None = None
    waiting: list[Callable[[Outcome], None]] = field(default_factory=list)


class Trainings:
    """Asks for each contender once and tells everyone who waits for it."""

    def __init__(self, foreman: Foreman, watcher: Watcher, notes: Notes, request: Request) -> None:
        self._foreman, self._watcher, self._notes, self._device = foreman, watcher, notes, request.device
        self._trainings: dict[str, _Training] = {}
        self._cache = ContenderCache()
        self._stored: dict[str, str] = {}  # digests, for many cells ask for the same

    def stored(self, cell: Cell) -> str | None:
        """The digest of the cell's contender if it lies in the cache."""
        key = training_key(cell, self._device)
        if key not in self._stored:
            digest = self._cache.digest(key)
            if digest is None:
                return None
            self._stored[key] = digest
        return self._stored[key]

    def keys(self, cell: Cell) -> tuple[str, ...]:
        """Of all contenders that a contest of this cell needs."""
        wanted = contenders_of(cell, self._device)
        return tuple(training_key(one, self._device) for name, one in wanted if name != "@base")

    def ready(self, cell: Cell, task: Task, then: Callable[[Outcome], None]) -> None:
        """Have all the cell's contenders trained; `then` hears of its own one, or of the first that failed.

        task: anything on that cell.
        """
        wanted = contenders_of(cell, self._device)
        below = tuple(training_key(one, self._device) for name, one in wanted if name == "@base")
        own: list[Ready] = []

        def step(place: int) -> None:
            if place == len(wanted):
                then(own[0])
                return
            name, one = wanted[place]

            def heard(outcome: Outcome) -> None:
                if isinstance(outcome, Trouble):
                    then(outcome)
                    return
                if name == "":
                    own.append(outcome)
                step(place + 1)

            if name == "@base" and self.stored(cell) is not None:
                step(place + 1)  # it is inside
            else:
                self._one(one, replace(task, what="train", source=name, needs=(*task.needs, *below)), heard)

        step(0)

    def _one(self, cell: Cell, task: Task, then: Callable[[Outcome], None]) -> None:
        key = training_key(cell, self._device)
        training = self._trainings.get(key)
        if training is None:
            self._trainings[key] = training = _Training()
            asked = replace(task, makes=key)
            self._foreman.ask(asked, lambda answer: self._answered(cell, training, answer), TRAIN_FIRST)
        if training.outcome is not None:
            then(training.outcome)
        else:
            training.waiting.append(then)

    def _answered(self, cell: Cell, training: _Training, answer: Answer) -> None:
        self._notes.all(answer.notes)
        training.outcome = answer.trouble or answer.found
        if isinstance(answer.trouble, Fatal):
            training.outcome = replace(answer.trouble, reason=f"{suspects(cell, True)}: {answer.trouble.reason}")
        if answer.trouble is None:
            self._watcher.trained(name_of(cell), answer.found.seconds, answer.found.cached)
        for then in training.waiting:
            then(training.outcome)
        training.waiting.clear()
