"""A report as a reader sees it: compacted tables and waiting parts, merged by the writer's own rule."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pyarrow as pa

from ..contract.errors import ReportError
from . import compaction, folding, parts
from .merge import Decision, decided
from .place import disk
from .runlog import read_runs
from .stream import GROUP, Stretch, ahead, cells_of
from .tables import notes_of, schema

_TRIES = 3


@dataclass(frozen=True)
class Report:
    """One report folder, read without a lock while others may write to it.

    `runs`: the entries of run.json. `damaged`: parts that were left out, with reasons.
    `notes`: the columns that attacks added to examples.
    Tables have every declared column and are sorted by their key.
    """

    root: Path
    runs: tuple[dict[str, Any], ...]
    damaged: tuple[str, ...]
    notes: tuple[str, ...]
    _generation: int
    _decisions: Mapping[str, Decision]  # of the cells whose parts count
    _trained: bool  # whether parts hold rows of training

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Read what is needed to know which rows count; tables are read when asked for.

        Raises ReportError if the folder is absent, no report, empty, damaged or too new.
        """
        root = Path(path)
        with disk(root):
            _check_there(root)
            runs = tuple(read_runs(root))
            for attempt in range(_TRIES):  # a writer may compact between two of our reads
                try:
                    generation = compaction.generation(root)
                    decisions, trained, notes, damaged = _read_parts(root)
                    if generation == compaction.generation(root):
                        break
                except ReportError:
                    if attempt == _TRIES - 1:
                        raise
            else:
                raise _moving(root)
        if not generation and not decisions and not trained:
            raise ReportError(
                f"report {root}: it must hold cells.parquet and examples.parquet, or unfinished parts, got neither: "
                f"nothing was finished yet, or the files were removed. Run `advbench run --out {root}`."
            )
        return cls(root, runs, damaged, notes, generation, decisions, trained)

    @property
    def cells(self) -> pa.Table:
        """One row per cell."""
        return self.table("cells")

    @property
    def examples(self) -> pa.Table:
        """One row per cell, example and target."""
        return self.table("examples")

    @property
    def scores(self) -> pa.Table:
        """One row per cell and metric."""
        return self.table("scores")

    @property
    def trace(self) -> pa.Table:
        """One row per improvement of an example's best point."""
        return self.table("trace")

    @property
    def training(self) -> pa.Table:
        """One row per trained contender and epoch."""
        return self.table("training")

    def schema(self, name: str) -> pa.Schema:
        """The columns of a table: the declared ones, and of examples those that attacks added."""
        return schema(name, self.notes if name == "examples" else ())

    def table(self, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        """Return a whole table, or just some of its columns, which is faster.

        Raises ReportError if its file is damaged, or if the report was compacted since `open`.
        """
        with self._unmoved():
            if name == "training":
                trained = parts.read_training_parts(self.root)[0] if self._trained else []
                found = folding.training(compaction.base_table(self.root, name), trained)
                return found if columns is None else found.select(list(columns))
            if not self._decisions:
                return compaction.base_table(self.root, name, columns)
            wanted = None if columns is None else list(dict.fromkeys([*columns, "cell_id"]))
            whole = pa.concat_tables([*self._stretches(name, wanted)] or [self.schema(name).empty_table()])
            return whole if columns is None else whole.select(list(columns))

    def by_cell(
        self, name: str, columns: Sequence[str], encoded: Sequence[str] = (), at_once: int = GROUP
    ) -> Iterator[tuple[str, pa.Table]]:
        """Read some columns of cells, examples, scores or trace, one cell at a time, in the order of cell_id.

        Text columns named in `encoded` come as dictionaries, which is faster. `at_once`: rows that are
        read together, beside those of one cell; if fewer than usual, none are read ahead. Raises as `table`.
        """
        with self._unmoved():
            encoded = list(dict.fromkeys([*encoded, "cell_id"]))
            wanted = list(dict.fromkeys([*columns, "cell_id"]))
            stretches = self._stretches(name, wanted, encoded, at_once)
            for cell_id, rows in cells_of(ahead(stretches) if at_once == GROUP else stretches):
                yield cell_id, rows.select(list(columns))

    def _stretches(
        self, name: str, columns: Sequence[str] | None, encoded: Sequence[str] = (), at_once: int = GROUP
    ) -> Iterator[Stretch]:
        if not self._decisions:
            return compaction.base_stretches(self.root, name, columns, encoded, at_once)
        wanted = self.schema(name).names if columns is None else columns
        return folding.stretches(self.root, name, self._decisions, wanted, encoded, at_once)

    @contextlib.contextmanager
    def _unmoved(self) -> Iterator[None]:
        """What is read in the block belongs to the tables and parts that were there at `open`."""
        try:
            with disk(self.root):
                yield
        except ReportError:
            if compaction.generation(self.root) != self._generation:
                raise _moving(self.root) from None
            raise
        if compaction.generation(self.root) != self._generation:
            raise _moving(self.root)


def _check_there(root: Path) -> None:
    if not root.exists():
        raise ReportError(
            f"report {root}: it must be a folder, got nothing there. Check the path, or `advbench run --out {root}`."
        )
    if not root.is_dir():
        raise ReportError(f"report {root}: it must be a folder, got a file. Give the folder that holds run.json.")
    if not (root / "run.json").exists():
        raise ReportError(f"report {root}: it must be a report, got a folder without run.json. Check the path.")


def _read_parts(root: Path) -> tuple[dict[str, Decision], bool, tuple[str, ...], tuple[str, ...]]:
    """Read all parts once, so that what is damaged is known before anything is shown."""
    base = compaction.base_identities(root)
    trained, _, damaged = parts.read_training_parts(root)
    decisions, notes = {}, set(compaction.base_notes(root))
    for cell in parts.read_all_parts(root):
        decision = decided(cell, base.get(cell.cell_id))
        damaged += folding.objections(cell, decision)
        if decision.counts:
            decisions[cell.cell_id] = decision
            live = [shard.examples for shard in cell.shards if shard.identity == decision.identity]
            notes.update(note for rows in live for note in notes_of("examples", rows.column_names))
    return decisions, bool(trained), tuple(sorted(notes)), tuple(damaged)


def _moving(root: Path) -> ReportError:
    return ReportError(
        f"report {root}: it must not change while it is read, got a run that just finished. Do it again."
    )
