"""What a run's own process and its driver, the process that speaks to Ray, say to each other."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from advbench import Done, Lost, Setup, Task


@dataclass(frozen=True)
class Order:
    """The driver's first message. address: None starts a Ray of its own. jobs: 0 is as many as there is room for."""

    address: str | None
    jobs: int
    cpus: float  # of a task
    gpus: float
    setup: Setup

    def room(self, nodes: Iterable[Mapping[str, float]]) -> int:
        """How many such tasks nodes with these resources can hold."""
        held = 0
        for has in nodes:
            gpus = (has.get("GPU", 0.0) / self.gpus,) if self.gpus else ()
            held += int(min(has.get("CPU", 0.0) / self.cpus, *gpus, math.inf))
        return min(held, self.jobs or held)


@dataclass(frozen=True)
class Refused:
    """There is no Ray at that address."""

    why: str


@dataclass(frozen=True)
class Room:
    """How many tasks the cluster can hold by now."""

    slots: int


@dataclass(frozen=True)
class Parcel:
    """Bytes that many tasks need: sent once, and kept until another parcel says that they are not needed."""

    number: int
    content: bytes
    gone: tuple[int, ...] = ()  # parcels that no task will name any more


@dataclass(frozen=True)
class Work:
    """A task, without its prepared bytes: they came as a parcel."""

    task: Task
    parcel: int | None


@dataclass(frozen=True)
class Stop:
    """End this task with its worker."""

    task: int


@dataclass(frozen=True)
class News:
    """What a task tells of its progress."""

    task: int
    what: str
    values: tuple[Any, ...]


ToDriver: TypeAlias = Order | Parcel | Work | Stop
FromDriver: TypeAlias = Refused | Room | News | Done | Lost
