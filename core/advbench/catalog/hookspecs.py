"""Everything a plugin can add. A hook not listed here is an error, not a no-op."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import pluggy

from ..contract.specs import Spec

PROJECT = "advbench"
API_VERSION = 1  # a plugin may declare ADVBENCH_API; another number than this refuses it

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Register(Protocol):
    """`register(SPEC, "advbench_zoo.attack:Zoo")`: the class is imported when chosen or shown."""

    def __call__(self, spec: Spec, target: str | type) -> None: ...

    def family(self, spec: Spec, target: str | type) -> None:
        """Register components that are made on demand, as from the signatures of another library.

        The class has one positional field, the member's name, and `member(name)`, a static method
        that returns a subclass with that member's own fields too, or raises ValueError:
        `art:deepfool,max_iter=10`.
        """


@hookspec
def advbench_register_attacks(register: Register) -> None:
    """Register attacks (AttackSpec)."""


@hookspec
def advbench_register_defenses(register: Register) -> None:
    """Register defenses (DefenseSpec)."""


@hookspec
def advbench_register_models(register: Register) -> None:
    """Register families of undefended models (ModelSpec)."""


@hookspec
def advbench_register_encoders(register: Register) -> None:
    """Register encoders, which turn text into vectors (EncoderSpec)."""


@hookspec
def advbench_register_datasets(register: Register) -> None:
    """Register data sets (DatasetSpec)."""


@hookspec
def advbench_register_distances(register: Register) -> None:
    """Register distances, one per norm (DistanceSpec)."""


@hookspec
def advbench_register_metrics(register: Register) -> None:
    """Register metrics over examples.parquet (MetricSpec)."""


@hookspec
def advbench_register_engines(register: Register) -> None:
    """Register engines, which execute shards (EngineSpec)."""


@hookspec
def advbench_cell_finished(cell: Mapping[str, Any]) -> None:
    """Called in the parent process with the finished cell's row of cells.parquet.

    For logging; it cannot change the outcome.
    """
