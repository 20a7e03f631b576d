"""The one rule by which parts and compacted tables become one report, cell by cell.

Rows are keyed (cell_id, example_id, target). A cell whose parts have another identity than its
compacted rows replaces them all; otherwise both are united and parts win. A cell row that only
says "interrupted" replaces nothing until its first shard is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .arrays import whole
from .parts import CellParts, Identity, identity_of
from .tables import notes_of, schema, widened

INTERRUPTED = "interrupted"  # the code of a cell on which work goes on
KEY = ("cell_id", "example_id", "target")
ORDER = {
    "cells": ("cell_id",), "examples": KEY, "scores": ("cell_id", "metric"), "trace": (*KEY, "query"),
    "training": ("contender_digest", "epoch"),
}  # fmt: skip
_UNTARGETED = np.iinfo(np.int64).min

Keys: TypeAlias = npt.NDArray[np.int64]  # (n, 2): example_id, target


@dataclass(frozen=True)
class Decision:
    """What becomes of one cell's parts. `identity`: under which the cell goes on, None if nothing says.

    counts: they are taken; replaces: the cell's compacted rows go; orphan: nothing readable claims them.
    """

    identity: Identity | None
    counts: bool
    replaces: bool = False
    orphan: bool = False


def decide(row: pa.Table | None, shards: Sequence[Identity], base: Identity | None, scored: bool = False) -> Decision:
    """Decide by a cell's row, the identities of its shards, that of its compacted rows, and whether it has scores."""
    if row is not None:
        own = identity_of(row)
    elif base is not None:
        own = base
    else:
        return Decision(shards[-1] if shards else None, counts=False, orphan=bool(shards or scored))
    other = base is not None and own != base
    if other and own not in shards and row is not None and row["code"][0].as_py() == INTERRUPTED:
        return Decision(own, counts=False)
    return Decision(own, counts=True, replaces=other)


def decided(cell: CellParts, base: Identity | None) -> Decision:
    """The same for parts that were read whole."""
    return decide(cell.row, [shard.identity for shard in cell.shards], base, cell.scores is not None)


def united(name: str, cell: CellParts, decision: Decision, old: pa.Table, judged: pa.Table) -> pa.Table:
    """One cell's rows of a table, in the order of their key.

    `old`: its compacted rows; `judged`: of its compacted examples, the columns of the key.
    """
    if decision.replaces:
        old, judged = old.slice(0, 0), judged.slice(0, 0)
    if name == "cells":
        return old if cell.row is None else cell.row
    if name == "scores":
        added = old.slice(0, 0) if cell.scores is None else cell.scores
        keep = pc.invert(pc.is_in(old["metric"], added["metric"].combine_chunks()))
        return in_order(name, [old.filter(keep), added])
    live = [shard for shard in cell.shards if shard.identity == decision.identity]
    if not live:
        return old
    sources = [judged, *(shard.examples for shard in live)]
    asked = [old, *(shard.examples if name == "examples" else shard.trace for shard in live)]
    return newest(name, asked, sources)


def newest(name: str, asked: Sequence[pa.Table], judged: Sequence[pa.Table]) -> pa.Table:
    """Of one cell's rows from several sources, later ones newer, those of the newest that judged their key.

    Trace rows follow their example: they stay only if it was judged in the same source.
    """
    keys, source = _keys(judged)
    other_keys, other_source = _keys(asked)
    kept = _newest_source(keys, source, other_keys) == other_source
    ends = np.cumsum([table.num_rows for table in asked])[:-1]
    pieces = [
        table if mask.all() else table.filter(pa.array(mask))
        for table, mask in zip(asked, np.split(kept, ends), strict=True)
    ]
    return in_order(name, pieces)


def in_order(name: str, pieces: Sequence[pa.Table]) -> pa.Table:
    """One cell's pieces of a table as one, sorted by the key; notes differ between pieces."""
    filled = [piece for piece in pieces if piece.num_rows] or list(pieces[:1])
    notes = {note for piece in filled for note in notes_of(name, piece.column_names)}
    wanted = schema(name, sorted(notes))
    together = pa.concat_tables([widened(piece, wanted) for piece in filled])
    return together.sort_by([(column, "ascending") for column in ORDER[name][1:]])


def _keys(tables: Sequence[pa.Table]) -> tuple[Keys, npt.NDArray[np.int64]]:
    """Return keys (rows, 2) and the position in `tables` of each row (rows,)."""
    source = np.repeat(np.arange(len(tables)), [table.num_rows for table in tables])
    found = [np.stack([whole(table["example_id"], 0), whole(table["target"], _UNTARGETED)], 1) for table in tables]
    return np.concatenate(found), source


def _newest_source(keys: Keys, source: npt.NDArray[np.int64], wanted: Keys) -> npt.NDArray[np.int64]:
    """Return, for each wanted key (m, 2), the largest source among equal keys (n, 2); -1 if there is none."""
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
