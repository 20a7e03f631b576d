"""Timing in turn, figures with goals, and saying what is under way."""

import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

QUIET = 2.0  # seconds that a step may take before it announces itself


@dataclass(frozen=True)
class Goal:
    """What a median must satisfy, and how that is written in the table."""

    text: str
    met: Callable[[float], bool]


def at_most(limit: float) -> Goal:
    return Goal(f"<= {limit:g}", lambda value: value <= limit)


def at_least(limit: float) -> Goal:
    return Goal(f">= {limit:g}", lambda value: value >= limit)


def below(limit: float) -> Goal:
    return Goal(f"< {limit:g}", lambda value: value < limit)


def exactly(wanted: float) -> Goal:
    return Goal(f"= {wanted:g}", lambda value: value == wanted)


@dataclass(frozen=True)
class Figure:
    """One line of the table: a value per repeat."""

    what: str
    values: tuple[float, ...]
    goal: Goal | None = None
    note: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def met(self) -> bool | None:
        """None where there is no goal."""
        return None if self.goal is None else bool(self.goal.met(self.median))


def figure(what: str, values: float | Sequence[float], goal: Goal | None = None, note: str = "") -> Figure:
    """A Figure from one value or several."""
    return Figure(
        what, tuple(float(v) for v in values) if isinstance(values, Sequence) else (float(values),), goal, note
    )


def seconds(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    started = clock()
    work()
    return clock() - started


def in_turn(
    repeats: int, *works: Callable[[], object], clock: Callable[[], float] = time.perf_counter
) -> list[list[float]]:
    """Seconds of each work, (works, repeats), A B A B ..., after one uncounted round.

    Works that are compared take turns, so that a change of the machine's speed hits all of them. On a machine
    that is shared, time.process_time leaves out what others do meanwhile.
    """
    for work in works:
        work()
    rounds = [[seconds(work, clock) for work in works] for _ in range(repeats)]
    return [list(column) for column in zip(*rounds, strict=True)]


def ratios(over: Sequence[float], under: Sequence[float]) -> list[float]:
    """One ratio per round, each of two times that were taken next to each other."""
    return [a / b for a, b in zip(over, under, strict=True)]


@contextmanager
def step(what: str, after: float = QUIET) -> Iterator[None]:
    """Say on stderr what is under way once it has taken `after` seconds, and at its end how long it took."""
    told = threading.Event()

    def tell() -> None:
        told.set()
        print(f"  ... {what}", file=sys.stderr, flush=True)

    timer = threading.Timer(after, tell)
    timer.daemon = True
    started = time.perf_counter()
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if told.is_set():
            print(f"  ... {what}: {time.perf_counter() - started:.1f} s", file=sys.stderr, flush=True)
