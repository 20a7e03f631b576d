"""The one rule by which parts and compacted tables become one report.

Rows are keyed (cell_id, example_id, target). A cell whose parts have another identity than its
compacted rows replaces them all; otherwise both are united and parts win. A cell row that only
says "interrupted" replaces nothing until its first shard is there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .parts import CellParts, Identity, Shard, identity_of

INTERRUPTED = "interrupted"  # the code of a cell on which work goes on
_KEY = ("cell_id", "example_id", "target")
_ORDER = {
    "cells": ("cell_id",), "examples": _KEY, "scores": ("cell_id", "metric"), "trace": (*_KEY, "query"),
    "training": ("contender_digest", "epoch"),
}  # fmt: skip
_UNTARGETED = np.iinfo(np.int64).min

ReadBase: TypeAlias = Callable[[str, Sequence[str] | None], pa.Table]  # table, columns -> compacted table


@dataclass(frozen=True)
class Fold:
    """The parts that count, and the cells whose compacted rows they replace."""

    replaced: frozenset[str]
    cells: tuple[CellParts, ...]
    shards: tuple[Shard, ...]
    training: tuple[pa.Table, ...]
    orphans: tuple[str, ...]  # parts that no readable cell row claims

    def __bool__(self) -> bool:
        return bool(self.cells or self.training)


def fold(base: Mapping[str, Identity], parts: Sequence[CellParts], training: Sequence[pa.Table]) -> Fold:
    """Decide which parts count. `base`: identity of each compacted cell."""
    replaced, cells, shards, orphans = set(), [], [], []
    for cell in parts:
        own, old = current_identity(cell, base.get(cell.cell_id)), base.get(cell.cell_id)
        live = [shard for shard in cell.shards if shard.identity == own]
        if cell.row is None and old is None:
            if cell.shards or cell.scores is not None:
                orphans.append(
                    f"parts/{cell.cell_id}: it must have a readable cell.parquet, got none. Run the cell again."
                )
            continue
        if old is not None and own != old:
            if not live and cell.row is not None and cell.row["code"][0].as_py() == INTERRUPTED:
                continue
            replaced.add(cell.cell_id)
        cells.append(cell)
        shards += live
    return Fold(frozenset(replaced), tuple(cells), tuple(shards), tuple(training), tuple(orphans))


def current_identity(cell: CellParts, base: Identity | None) -> Identity | None:
    """The identity under which a cell goes on: its own row's, else the compacted one, else its shards'."""
    if cell.row is not None:
        return identity_of(cell.row)
    if base is not None:
        return base
    return cell.shards[-1].identity if cell.shards else None


def merged(name: str, folded: Fold, base: ReadBase) -> pa.Table:
    """Return one whole table of the report, in the order of its key."""
    if name == "examples":
        table = _newest("examples", folded, base)
    elif name == "trace":
        table = _newest("trace", folded, base)
    elif name == "training":
        table = _replace(base(name, None), folded.training, ("contender_digest",), frozenset())
    else:
        rows = [cell.row if name == "cells" else cell.scores for cell in folded.cells]
        added = [row for row in rows if row is not None]
        table = _replace(base(name, None), added, _ORDER[name], folded.replaced)
    return table.sort_by([(column, "ascending") for column in _ORDER[name]])


def _replace(base: pa.Table, added: Sequence[pa.Table], key: Sequence[str], replaced: frozenset[str]) -> pa.Table:
    """Unite; rows of `base` with a key among `added`, or of a replaced cell, go."""
    keep = _without(base, replaced)
    if added:
        new = {tuple(row.values()) for table in added for row in table.select(list(key)).to_pylist()}
        stays = [tuple(row.values()) not in new for row in keep.select(list(key)).to_pylist()]
        keep = keep.filter(pa.array(stays, pa.bool_()))
    return pa.concat_tables([keep, *added])


def _without(table: pa.Table, replaced: frozenset[str]) -> pa.Table:
    if not replaced:
        return table
    return table.filter(pc.invert(pc.is_in(table["cell_id"], pa.array(sorted(replaced), pa.string()))))


def _newest(name: str, folded: Fold, base: ReadBase) -> pa.Table:
    """For each key, keep the rows of the newest source that judged it: compacted, then shard by shard.

    Trace rows follow their example: they stay only if it was judged in the same source.
    """
    old = _without(base("examples", None if name == "examples" else _KEY), folded.replaced)
    judged = [old, *(shard.examples for shard in folded.shards)]
    if name == "examples":
        asked = judged
    else:
        asked = [_without(base("trace", None), folded.replaced), *(shard.trace for shard in folded.shards)]
    cell_ids = pa.chunked_array(
        [chunk for table in (*judged, *asked) for chunk in table["cell_id"].chunks], pa.string()
    )
    codes = pc.unique(cell_ids)
    keys, source = _keys(judged, codes)
    other_keys, other_source = _keys(asked, codes)
    newest = _newest_source(keys, source, other_keys)
    united = pa.concat_tables(asked, promote_options="default")  # notes differ between attacks
    return united.filter(pa.array(newest == other_source))


def _keys(tables: Sequence[pa.Table], codes: pa.Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return keys (rows, 3) and the position in `tables` of each row (rows,)."""
    source = np.repeat(np.arange(len(tables)), [table.num_rows for table in tables])
    united = pa.concat_tables([table.select(list(_KEY)) for table in tables])
    columns = (
        pc.index_in(united["cell_id"], codes), united["example_id"], pc.fill_null(united["target"], _UNTARGETED),
    )  # fmt: skip
    return np.stack([column.to_numpy().astype(np.int64) for column in columns], axis=1), source


def _newest_source(
    keys: npt.NDArray[np.int64], source: npt.NDArray[np.int64], wanted: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return, for each wanted key (m, 3), the largest source among equal keys (n, 3); -1 if there is none."""
    every = np.concatenate([keys, wanted])
    if not len(every):
        return np.empty(0, np.int64)
    votes = np.concatenate([source, np.full(len(wanted), -1)])
    order = np.lexsort(every.T)
    ranked = every[order]
    first = np.concatenate([[True], (ranked[1:] != ranked[:-1]).any(axis=1)])
    best = np.maximum.reduceat(votes[order], np.flatnonzero(first))
    found = np.empty(len(every), np.int64)
    found[order] = best[np.cumsum(first) - 1]
    return found[len(keys) :]
