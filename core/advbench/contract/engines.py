"""Who carries out the work of a run: an engine gives a crew, a crew takes tasks and reports what became of them.

An engine never looks into a task. It hands it to a `Worker`, in this process or in another, and
brings the answer back; what to do next, and what to do when a worker dies, is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What a worker elsewhere needs to make the run's plan again: `Worker.of(setup)`. Fit for sending."""

    request: Any
    files: tuple[str, ...]  # of one-file plugins
    jobs: int = 1  # workers that share this machine's cores


@dataclass(frozen=True, kw_only=True)
class Task:
    """A piece of work on one cell. Fit for sending.

    what: `train` a contender, `right`: say which examples the contender gets right, `begin`: examine
    it and let the attack prepare, `attack` the examples of a shard, `tell` how the attack on an example goes.
    """

    what: Literal["train", "right", "begin", "attack", "tell"]
    cell: int  # position in the plan
    cell_id: str  # as planned; a worker whose plan differs refuses
    number: int = 0
    source: str = ""  # train: the attack's field that holds the contender; "" is the cell's own
    shard: int = 0
    rows: tuple[int, ...] | None = None  # attack: only these of the shard, by place
    positions: tuple[int, ...] | None = None  # the cell's, where they are not as planned
    eligible: str | None = None
    prepared: bytes | None = None  # what the attack learnt before its first example
    inexact: bool = False  # attack: `begin` found that rows depend on the rows beside them
    spent: float = 0.0  # seconds of --cell-timeout that are gone
    needs: tuple[str, ...] = ()  # keys of the trained contenders that it reads from the cache folder
    makes: str | None = None  # train: the key under which the contender will lie there


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Why a task failed: code and reason as in cells.parquet, and the traceback for authors."""

    code: str
    reason: str
    trace: str
    ours: bool = False  # the reason says all; else it ends in where the traceback lies


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What became of a task. `found` depends on the task; None if it failed."""

    found: Any = None
    trouble: Trouble | None = None
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    peak_rss_mib: float = 0.0


# What a worker tells at work: ("queries", asked), ("training", name, done, total) and ("said", line), as often as it
# likes; and, to be passed on each time, ("limit", seconds): what follows must end within so many, None: no limit.
# An engine tells ("started",) itself, when a worker of its own has begun with a task.
Tell: TypeAlias = Callable[..., None]
Told: TypeAlias = Callable[[int, str, tuple[Any, ...]], None]  # the number of a task, and what it tells


@dataclass(frozen=True)
class Done:
    """The task has its answer."""

    task: int
    answer: Answer


@dataclass(frozen=True)
class Lost:
    """The task's worker is gone. `guilty`: perhaps by its work; else it was lost with its machine."""

    task: int
    why: str
    guilty: bool = True


End: TypeAlias = Done | Lost


class Crew(Protocol):
    """Workers at work. Used by one thread."""

    @property
    def slots(self) -> int:
        """How many tasks it takes at once; may change from call to call, and may be 0 for a while."""

    def submit(self, task: Task) -> None:
        """Take a task; called while fewer than `slots` are under way. Numbers are never used twice."""

    def wait(self, seconds: float, told: Told) -> Sequence[End]:
        """The tasks that ended; wait at most about that long for one. Meanwhile progress goes to `told`.

        In the end every task yields one Done or one Lost, and tells nothing after it.
        """

    def stop(self, task: int) -> None:
        """End a task that listens to nobody, with its worker; it yields a Lost."""

    def close(self) -> None:
        """End all workers, at once. Never raises."""


class Engine(Protocol):
    """A way to carry out a run. Stateless, like every component."""

    def crew(self, setup: Setup, here: Callable[[], Any]) -> Crew:
        """A crew for this run. `here()`: the worker in this very process, for engines that need no other.

        Raises RequestError if there can be none.
        """


__all__ = [
    "Answer", "Crew", "Done", "End", "Engine", "Lost", "Setup", "Task", "Tell", "Told", "Trouble",
]  # fmt: skip
