"""Which examples a report holds of a cell: arrays, shared between cells that ask for the same ones."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .arrays import whole
from .compaction import base_stretches, base_table
from .merge import KEY
from .stream import cells_of

Key: TypeAlias = tuple[int, int | None]  # example_id, target
Ints: TypeAlias = npt.NDArray[np.int64]
_UNTARGETED = np.iinfo(np.int64).min


class Judged(Set[Key]):
    """A set of (example_id, target) pairs, eight or sixteen bytes each."""

    def __init__(self, ids: Ints, targets: Ints | None = None) -> None:
        """`ids`: (n,); `targets`: (n,), None where all are untargeted. No pair may come twice."""
        self.ids, self.targets = ids, targets

    @classmethod
    def of(cls, tables: Sequence[pa.Table]) -> Self:
        """The keys of some tables of examples, which may share some."""
        ids = np.concatenate([whole(table["example_id"], -1) for table in tables] or [np.empty(0, np.int64)])
        if all(table["target"].null_count == table.num_rows for table in tables):
            return cls(np.unique(ids))
        targets = np.concatenate([whole(table["target"], _UNTARGETED) for table in tables])
        pairs = np.unique(np.stack([ids, targets]), axis=1)
        return cls(pairs[0], pairs[1])

    def issuperset(self, keys: Iterable[Key]) -> bool:
        """Whether all these were judged."""
        wanted = list(keys)
        if self.targets is not None:
            return set(self).issuperset(wanted)
        ids = np.array([example for example, _ in wanted], np.int64)
        return all(target is None for _, target in wanted) and bool(np.isin(ids, self.ids).all())

    def digest(self) -> bytes:
        """Equal for equal contents in one order."""
        targets = b"" if self.targets is None else self.targets.tobytes()
        return hashlib.blake2b(self.ids.tobytes() + b"|" + targets, digest_size=16).digest()

    def __contains__(self, key: object) -> bool:
        if not isinstance(key, tuple) or len(key) != 2:
            return False
        wanted = _UNTARGETED if key[1] is None else key[1]
        same = self.ids == key[0]
        return bool(same.any() and (same & (self._targets() == wanted)).any())

    def __iter__(self) -> Iterator[Key]:
        pairs = zip(self.ids.tolist(), self._targets().tolist(), strict=True)
        return ((example, None if target == _UNTARGETED else target) for example, target in pairs)

    def __len__(self) -> int:
        return len(self.ids)

    def __ge__(self, other: Set[Any]) -> bool:
        return self.issuperset(other)

    @classmethod
    def _from_iterable(cls, keys: Any) -> frozenset[Key]:  # type: ignore[override]
        return frozenset(keys)

    def _targets(self) -> Ints:
        return np.full(len(self.ids), _UNTARGETED) if self.targets is None else self.targets


@dataclass(frozen=True)
class KnownCell:
    """What a report holds of a cell, under one identity."""

    fingerprint: str
    contender_digest: str
    status: str
    code: str | None
    judged: Judged


class Compacted:
    """What the compacted tables know of every cell. Read once; small, for cells share their keys."""

    def __init__(self, root: Path) -> None:
        columns = ["cell_id", "fingerprint", "contender_digest", "status", "code"]
        self.cells: dict[str, dict[str, Any]] = {
            row["cell_id"]: row for row in base_table(root, "cells", columns).to_pylist()
        }
        self._judged: dict[str, Judged] = {}
        shared: dict[bytes, Judged] = {}
        for cell_id, rows in cells_of(base_stretches(root, "examples", KEY, ["cell_id"])):
            found = Judged.of([rows])
            self._judged[cell_id] = shared.setdefault(found.digest(), found)

    def judged(self, cell_id: str) -> Judged:
        """The keys of a cell, none if it is not there."""
        return self._judged.get(cell_id, Judged(np.empty(0, np.int64)))

    def united(self, cell_id: str, tables: Sequence[pa.Table]) -> Judged:
        """The same with the keys of more tables."""
        old = self.judged(cell_id)
        if not tables:
            return old
        added = Judged.of(tables)
        ids = np.concatenate([old.ids, added.ids])
        if old.targets is None and added.targets is None:
            return Judged(np.unique(ids))
        pairs = np.unique(np.stack([ids, np.concatenate([old._targets(), added._targets()])]), axis=1)
        return Judged(pairs[0], pairs[1])
