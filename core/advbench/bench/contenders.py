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
from .opponents import Opponent
from .plan import Cell
from .trained import Trained, obtain
from .watcher import Watcher


class Contenders:
    """`seconds`: what one training may take, or None. note: tells the user, and the report."""

    def __init__(self, device: str, seconds: float | None, watcher: Watcher, note: Callable[[str], None]) -> None:
        self._device, self._seconds_allowed, self._watcher, self._note = device, seconds, watcher, note
        self._cache = ContenderCache()
        self._unfit: dict[str, BaseException] = {}  # why contenders could not be had, by key
        self._trained: dict[str, Trained] = {}  # cells are ordered by contender: what one cell needs is enough
        self._seconds: dict[str, float] = {}  # that each contender took when first needed, by key

    def digest(self, cell: Cell) -> str | None:
        """Of the cell's contender if it is in the cache."""
        return self._cache.digest(training_key(cell, self._device))

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

    def give_up(self, cell: Cell, error: BaseException) -> None:
        """Raise that error whenever this contender is wanted again."""
        self._unfit[training_key(cell, self._device)] = error

    def sources(self, cell: Cell) -> dict[str, Trained]:
        """The contenders in the fields of the cell's attack, by field. None has the victim's own weights.

        They are those of the plan, where it has them: trained under the same seed.
        """
        return {source.field: self.ready(self._stand_in(cell, source.opponent)) for source in cell.sources}

    def _stand_in(self, cell: Cell, opponent: Opponent) -> Cell:
        stand_in = replace(cell, opponent=opponent, sources=())
        if training_key(stand_in, self._device) == training_key(cell, self._device):
            return replace(stand_in, seed=-1 - cell.seed)  # that very contender, but trained anew
        return stand_in

    def forget_but(self, cell: Cell) -> None:
        """Keep in memory only what this cell needs."""
        needed = [cell, *(self._stand_in(cell, source.opponent) for source in cell.sources)]
        keys = {training_key(one, self._device) for one in needed}
        self._trained = {key: trained for key, trained in self._trained.items() if key in keys}

    def _contender(self, cell: Cell) -> Trained:
        key = training_key(cell, self._device)
        if key not in self._trained:
            name = cell.opponent.text + (" (a source, another seed)" if cell.seed < 0 else "")
            threads = os.cpu_count() or 1
            seconds = self._seconds_allowed
            deadline = None if seconds is None else time.monotonic() + seconds
            trained = obtain(
                cell, self._cache, self._device, threads,
                lambda done, total: self._watcher.training(name, done, total), deadline, self._note,
            )  # fmt: skip
            if key not in self._seconds:
                self._seconds[key] = trained.seconds
                self._watcher.trained(name, trained.seconds, trained.cached)
            # One that comes back was trained in this run all the same.
            self._trained[key] = replace(trained, seconds=self._seconds[key])
            while self._cache.damaged:
                self._watcher.note(self._cache.damaged.pop())
        return self._trained[key]
