"""The contenders of a run: each is trained once, or loaded, when it is needed; those of one cell are in memory."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace

from ..arena.limits import time_limit
from .cache import ContenderCache
from .datacheck import check_data
from .freshness import training_key
from .isolation import TRAINING_HINT
from .plan import Cell
from .trained import Trained, base_of, obtain


class Contenders:
    """`seconds`: what one training may take, or None. jobs: trainings that share this machine's cores.

    alone: nobody else needs them, so that one which the cache's disk refuses may stay in memory.
    progress(name, done, total) is told while training; note tells the user, and the report.
    """

    def __init__(
        self, device: str, seconds: float | None, jobs: int, alone: bool, progress: Callable[[str, int, int], None],
        note: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._device, self._seconds_allowed, self._progress, self._note = device, seconds, progress, note
        self._threads = max(1, (os.cpu_count() or 1) // jobs)
        self._cache = ContenderCache(spare=alone)
        self._unfit: dict[str, BaseException] = {}  # why contenders could not be had, by key
        self._trained: dict[str, Trained] = {}  # cells are ordered by contender: what one cell needs is enough

    def ready(self, cell: Cell) -> Trained:
        """The contender, its data checked; what failed for one attack is not tried again for the next."""
        key = training_key(cell, self._device)
        if key in self._unfit:
            raise self._unfit[key]
        try:
            with time_limit(self._seconds_allowed, f"training {cell.opponent.text}", TRAINING_HINT):
                check_data(cell.data)
                return self._contender(cell)
        except BaseException as error:
            self._unfit[key] = error
            raise

    def forget_but(self, cell: Cell) -> None:
        """Keep in memory only what this cell needs."""
        needed = [cell, *(one for _, one in stand_ins(cell, self._device))]
        keys = {training_key(one, self._device) for one in needed}
        self._trained = {key: trained for key, trained in self._trained.items() if key in keys}

    def _contender(self, cell: Cell) -> Trained:
        key = training_key(cell, self._device)
        if key not in self._trained:
            name = name_of(cell)
            seconds = self._seconds_allowed
            deadline = None if seconds is None else time.monotonic() + seconds
            self._trained[key] = obtain(
                cell, self._cache, self._device, self._threads,
                lambda done, total: self._progress(name, done, total), deadline, self._note,
            )  # fmt: skip
            for told in (self._cache.damaged, self._cache.unkept):
                while told:
                    self._note(told.pop())
        return self._trained[key]


def contenders_of(cell: Cell, device: str) -> list[tuple[str, Cell]]:
    """The contenders to be trained for a cell, in order, each with a cell that it is the contender of.

    What its defense wraps comes first, as `@base`; then its own, ""; then those in its attack's fields.
    """
    base = base_of(cell)
    return [*([("@base", base)] if base else []), ("", cell), *stand_ins(cell, device)]


def stand_ins(cell: Cell, device: str) -> list[tuple[str, Cell]]:
    """The contenders in the fields of the cell's attack, by field, likewise. No two have the same weights, nor
    has any the victim's own.

    They are those of the plan, where it has them: trained under the same seed.
    """
    taken, found = {training_key(cell, device)}, []
    for source in cell.sources:
        other = replace(cell, opponent=source.opponent, sources=())
        while training_key(other, device) in taken:  # that very contender, but trained anew
            other = replace(other, seed=_apart(other.seed))
        taken.add(training_key(other, device))
        found.append((source.field, other))
    return found


def name_of(cell: Cell) -> str:
    """Of the cell's contender, for people."""
    return cell.opponent.text + (" (a source, another seed)" if cell.seed < 0 else "")


def _apart(seed: int) -> int:
    """Another seed than this one, and than any that can be asked for or is apart from another such."""
    return -1 - seed if seed >= 0 else seed - 2**63
