"""The installed distances, each held to its promise: a broken one harms only cells that need it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..catalog.plugins import Entry, Installed
from ..contract.errors import ContestError, PluginError, told
from ..contract.facts import DatasetFacts
from ..contract.texts import kind_of
from ..contract.types import Modality, Norm


@dataclass(frozen=True)
class Measure:
    """One distance over inputs of one width; every answer is checked.

    A cell's own norm must be measured: `needed` makes a bad answer an error. Of other norms a bad
    answer becomes NaN, not measured, and is told through `note`.
    """

    entry: Entry
    distance: Any
    width: float
    needed: bool
    note: Callable[[str], None]

    def __call__(self, x: Any, x_adv: Any) -> Tensor:
        """float64 (N,), >= 0. Raises ContestError where the distance gives anything else."""
        try:
            return self._checked(self.distance(x, x_adv, self.width), len(x))
        except Exception as error:
            what = str(error) if isinstance(error, _Unfit) else f"it must end without an error, got {told(error)}"
            text = f"distance {self.entry.spec.name} of {self.entry.source}: {what}. Mend it or uninstall it."
            if self.needed:
                raise ContestError(text) from error
            self.note(f"{text} The column {self.entry.spec.norm.value} holds NaN.")
            return torch.full((len(x),), torch.nan, dtype=torch.float64)

    def _checked(self, sizes: Any, n: int) -> Tensor:
        if not isinstance(sizes, Tensor) or sizes.dtype != torch.float64 or tuple(sizes.shape) != (n,):
            raise _Unfit(f"it must return torch.float64 ({n},), got {kind_of(sizes)}")
        if n and not bool((sizes >= 0).all()):  # NaN fails too
            raise _Unfit(f"sizes must be numbers >= 0, got {float(sizes[~(sizes >= 0)][0]):g}")
        return sizes


class _Unfit(Exception):
    """An answer that is no distance."""


class Measures:
    """All distances that work, by norm and kind of input."""

    def __init__(self, installed: Installed, note: Callable[[str], None]) -> None:
        self._note = note
        self._found: dict[tuple[Norm, Modality], tuple[Entry, Any]] = {}
        self._broken: dict[tuple[Norm, Modality], str] = {}
        for entry in installed.entries["distance"].values():
            self._take(entry)

    def _take(self, entry: Entry) -> None:
        keys = [(entry.spec.norm, modality) for modality in entry.spec.modalities]
        try:
            distance = entry.load()()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit too, and whatever else a plugin may throw
            own = isinstance(error, PluginError)
            reason = told(error) if own else f"{entry.source}: it must be buildable, got {told(error)}."
            self._note(f"distance {entry.spec.name}: {reason}")
            self._broken |= dict.fromkeys(keys, reason)
            return
        for key in keys:
            other = self._found.pop(key, None)
            if other is None and key not in self._broken:
                self._found[key] = (entry, distance)
                continue
            rivals = [other[0], entry] if other else [entry]
            names = " and ".join(f"{rival.spec.name} of {rival.source}" for rival in rivals)
            reason = f"norm {key[0]} must have one distance for {key[1]} inputs, got {names}. Uninstall one."
            self._broken.setdefault(key, reason)
            self._note(f"distance {entry.spec.name}: {reason}")

    def of(self, facts: DatasetFacts, needed: Norm) -> Mapping[Norm, Measure]:
        """Those that fit such data. Raises PluginError if the norm that decides is not among them."""
        width = facts.bounds.width if facts.bounds else 1.0
        if (needed, facts.modality) not in self._found:
            reason = self._broken.get((needed, facts.modality), f"none for {facts.modality} inputs is installed.")
            raise PluginError(f"norm {needed.value}: it must be measured by a distance that works: {reason}")
        return {
            norm: Measure(entry, distance, width, norm is needed, self._note)
            for (norm, modality), (entry, distance) in self._found.items()
            if modality is facts.modality
        }
