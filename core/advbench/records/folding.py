"""Parts and compacted tables as one report, side by side and cell by cell: no table is ever held whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from . import compaction, parts
from .columns import COLUMNS, REAL
from .merge import KEY, ORDER, Decision, decide, decided, united
from .parts import CellParts, Identity
from .stream import Cursor, Sink, Stretch
from .tables import make_table, schema

BY_CELL = ("cells", "examples", "scores", "trace")


@dataclass(frozen=True)
class Survey:
    """What the parts of a report will change. `notes`: columns that they add to examples."""

    changes: frozenset[str]  # names of tables
    notes: frozenset[str]


@dataclass
class Folded:
    """What a compaction took. `cells`: of each, the names of the files that may go; `told`: what it left, and why."""

    cells: dict[str, tuple[str, ...]] = field(default_factory=dict)
    training: list[Path] = field(default_factory=list)
    told: list[str] = field(default_factory=list)


def survey(root: Path, base: Mapping[str, Identity]) -> Survey:
    """Look at all parts without reading their rows. `base`: identity of each compacted cell."""
    changes: set[str] = {"training"} if parts.read_training_parts(root)[1] else set()
    notes: set[str] = set()
    for folder in parts.part_folders(root):
        if folder.name != parts.TRAINING:
            seen = parts.outline(folder)
            decision = decide(seen.row, seen.shards, base.get(folder.name), seen.scored)
            if decision.counts:
                changes.add("cells")
                changes |= {"scores"} if seen.scored or decision.replaces else set()
                if decision.identity in seen.shards or decision.replaces:
                    changes |= {"examples", "trace"}
                    notes |= seen.notes
    return Survey(frozenset(changes), frozenset(notes))


def compact(root: Path, rescored: pa.Table | None = None) -> Folded:
    """Fold all parts into the tables, in one step; the parts themselves stay.

    `rescored`: rows of scores, in the order of their key, that replace those of the same metrics.
    """
    base, folded = compaction.base_identities(root), Folded()
    seen = survey(root, base)
    changes = seen.changes | ({"scores"} if rescored is not None else set())
    if not compaction.has_tables(root):
        changes = frozenset(COLUMNS)
    if not changes:  # but what cannot be used is told all the same
        for cell in parts.read_all_parts(root):
            folded.told += objections(cell, decided(cell, base.get(cell.cell_id)))
        folded.told += parts.read_training_parts(root)[2]
        return folded
    notes = sorted({*compaction.base_notes(root), *seen.notes})
    with compaction.committed(root, changes, notes) as sinks:
        join = Join(root, sinks)
        for cell in _with_scores(parts.read_all_parts(root), rescored):
            decision = decided(cell, base.get(cell.cell_id))
            folded.told += objections(cell, decision)
            if decision.counts:
                join.add(cell, decision)
                folded.cells[cell.cell_id] = cell.files
        join.finish()
        tables, folded.training, damaged = parts.read_training_parts(root)
        folded.told += damaged
        if "training" in sinks:
            sinks["training"].write(training(compaction.base_table(root, "training"), tables))
    return folded


class Join:
    """Walks over the compacted tables of a report while cells are added in ascending order."""

    def __init__(self, root: Path, sinks: Mapping[str, Sink]) -> None:
        self._sinks = {name: sinks[name] for name in BY_CELL if name in sinks}
        self._cursors: dict[str, Cursor] = {name: compaction.base_cursor(root, name) for name in self._sinks}

    def add(self, cell: CellParts, decision: Decision) -> None:
        """Write everything before the cell, then the cell."""
        old: dict[str, pa.Table] = {}
        for name, sink in self._sinks.items():
            for stretch in self._cursors[name].before(cell.cell_id):
                sink.write(stretch)
            old[name] = self._cursors[name].of(cell.cell_id)
        judged = old["examples"].select(list(KEY)) if "examples" in old else make_table("examples", [])
        for name, sink in self._sinks.items():
            sink.write(united(name, cell, decision, old[name], judged))

    def finish(self) -> None:
        """Write everything after the last cell."""
        for name, sink in self._sinks.items():
            for stretch in self._cursors[name].before(None):
                sink.write(stretch)


def stretches(
    root: Path,
    name: str,
    decisions: Mapping[str, Decision],
    columns: Sequence[str],
    encoded: Sequence[str],
    at_once: int,
) -> Iterator[Stretch]:
    """Read some columns of one table from its beginning, parts folded in. `decisions`: of the cells whose parts count.

    Notes that a stretch lacks are null in it.
    """
    there = set(schema(name, compaction.base_notes(root) if name == "examples" else ()).names)
    keyed = [column for column in dict.fromkeys([*columns, *ORDER[name]]) if column in there]
    rows = compaction.base_cursor(root, name, keyed, encoded, at_once)
    examples = compaction.base_cursor(root, "examples", KEY, rows=at_once)
    for cell_id in sorted(decisions):
        yield from (_columns(stretch, columns, encoded) for stretch in rows.before(cell_id))
        cell = parts.read_cell_parts(root / "parts" / cell_id)
        for _ in examples.before(cell_id):
            pass
        old, judged = _decoded(rows.of(cell_id)), examples.of(cell_id)
        yield _columns(united(name, cell, decisions[cell_id], old, judged), columns, encoded)
    yield from (_columns(stretch, columns, encoded) for stretch in rows.before(None))


def _columns(rows: pa.Table, columns: Sequence[str], encoded: Sequence[str]) -> pa.Table:
    """Those columns, some of them as dictionaries."""
    for name in columns:
        if name not in rows.column_names:
            rows = rows.append_column(name, pa.nulls(rows.num_rows, REAL))
        elif name in encoded and not pa.types.is_dictionary(rows.schema.field(name).type):
            rows = rows.set_column(rows.schema.get_field_index(name), name, rows[name].dictionary_encode())
    return rows.select(list(columns))


def _decoded(rows: pa.Table) -> pa.Table:
    """The same without dictionaries."""
    for i, one in enumerate(rows.schema):
        if pa.types.is_dictionary(one.type):
            rows = rows.set_column(i, one.name, rows[i].cast(one.type.value_type))
    return rows


def training(base: pa.Table, added: Iterable[pa.Table]) -> pa.Table:
    """How contenders were trained; what was added replaces what is stored under the same contender_digest."""
    new = list(added)
    for table in new:
        same = pc.is_in(base["contender_digest"], table["contender_digest"].combine_chunks())
        base = base.filter(pc.invert(same))
    return pa.concat_tables([base, *new]).sort_by([(column, "ascending") for column in ORDER["training"]])


def _with_scores(cells: Iterable[CellParts], rescored: pa.Table | None) -> Iterator[CellParts]:
    """The cells with scores that replace stored ones; a cell that has no parts is made up of its scores."""
    waiting = Cursor([] if rescored is None else [rescored], make_table("scores", []))
    for cell in cells:
        yield from _alone(waiting.before(cell.cell_id))
        scores = waiting.of(cell.cell_id)
        if not scores.num_rows:
            yield cell
            continue
        own = Decision(None, counts=True)
        stored = make_table("scores", []) if cell.scores is None else cell.scores
        both = united("scores", CellParts(cell.cell_id, None, (), scores, (), ()), own, stored, stored)
        yield replace(cell, scores=both)
    yield from _alone(waiting.before(None))


def _alone(stretches: Iterable[pa.Table]) -> Iterator[CellParts]:
    for scores in stretches:
        ids = scores["cell_id"].to_pylist()
        starts = [i for i, cell_id in enumerate(ids) if i == 0 or cell_id != ids[i - 1]]
        for start, end in zip(starts, [*starts[1:], len(ids)], strict=True):
            yield CellParts(ids[start], None, (), scores.slice(start, end - start), (), ())


def objections(cell: CellParts, decision: Decision) -> tuple[str, ...]:
    """What of a cell's parts cannot be used, and why."""
    if not decision.orphan:
        return cell.damaged
    return *cell.damaged, f"parts/{cell.cell_id}: it must have a readable cell.parquet, got none. Run the cell again."
