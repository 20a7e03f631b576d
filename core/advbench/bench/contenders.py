"""The contenders of a run: each is trained once, or loaded, when it is needed; one is in memory at a time."""

from __future__ import annotations

import os
import time
from dataclasses import replace

from ..arena.limits import time_limit
from .cache import ContenderCache
from .datacheck import check_data
from .freshness import training_key
from .isolation import TRAINING_HINT
from .plan import Cell
from .trained import Trained, obtain
from .watcher import Watcher


class Contenders:
    """`seconds`: what one training may take, or None."""

    def __init__(self, device: str, seconds: float | None, watcher: Watcher) -> None:
        self._device, self._seconds_allowed, self._watcher = device, seconds, watcher
        self._cache = ContenderCache()
        self._unfit: dict[str, BaseException] = {}  # why contenders could not be had, by key
        self._trained: dict[str, Trained] = {}
        self._last_key = ""
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

    def _contender(self, cell: Cell) -> Trained:
        key = training_key(cell, self._device)
        if key != self._last_key:  # cells are ordered by contender: one in memory is enough
            name = cell.opponent.text
            threads = os.cpu_count() or 1
            seconds = self._seconds_allowed
            deadline = None if seconds is None else time.monotonic() + seconds
            trained = obtain(
                cell, self._cache, self._device, threads,
                lambda done, total: self._watcher.training(name, done, total), deadline,
            )  # fmt: skip
            if key not in self._seconds:
                self._seconds[key] = trained.seconds
                self._watcher.trained(name, trained.seconds, trained.cached)
            # One that comes back was trained in this run all the same.
            self._trained, self._last_key = {key: replace(trained, seconds=self._seconds[key])}, key
            while self._cache.damaged:
                self._watcher.note(self._cache.damaged.pop())
        return self._trained[key]
