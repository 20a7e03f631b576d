"""The slices of a cell: the unit of attack, of storing and of resuming."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from torch import Tensor

from ..contract.protocols import Examples
from .plan import Cell

Key: TypeAlias = tuple[int, int | None]  # example_id, target


@dataclass(frozen=True)
class Shard:
    """A fixed slice of a cell's positions."""

    number: int
    positions: tuple[int, ...]


def shards_of(cell: Cell) -> Iterator[Shard]:
    """As many examples together as the attack's spec says."""
    size, positions = cell.attack.spec.shard, cell.data.positions
    for number, start in enumerate(range(0, len(positions), size)):
        yield Shard(number, positions[start : start + size])


def keys_of(examples: Examples, target: Tensor | None) -> list[Key]:
    """What a shard must yield, in its order."""
    targets: Sequence[int | None] = [None] * len(examples) if target is None else target.tolist()
    return list(zip(examples.ids.tolist(), targets, strict=True))
