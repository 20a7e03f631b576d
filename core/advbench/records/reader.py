"""A report as a reader sees it: compacted tables and waiting parts, merged by the writer's own rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pyarrow as pa

from ..contract.errors import ReportError
from . import compaction, parts
from .merge import Fold, fold, merged
from .place import disk
from .runlog import read_runs

_TRIES = 3


@dataclass(frozen=True)
class Report:
    """One report folder, read without a lock while others may write to it.

    `runs`: the entries of run.json. `damaged`: parts that were left out, with reasons.
    Tables have every declared column and are sorted by their key.
    """

    root: Path
    runs: tuple[dict[str, Any], ...]
    damaged: tuple[str, ...]
    _generation: int
    _fold: Fold

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
                    folded, damaged = _fold_parts(root)
                    if generation == compaction.generation(root):
                        break
                except ReportError:
                    if attempt == _TRIES - 1:
                        raise
            else:
                raise _moving(root)
        if not generation and not folded:
            raise ReportError(
                f"report {root}: it must hold cells.parquet and examples.parquet, or unfinished parts, got neither: "
                f"nothing was finished yet, or the files were removed. Run `advbench run --out {root}`."
            )
        return cls(root, runs, damaged, generation, folded)

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

    def table(self, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        """Return a whole table, or just some of its columns, which is faster.

        Raises ReportError if its file is damaged, or if the report was compacted since `open`.
        """
        with disk(self.root):
            if self._fold:
                whole = merged(name, self._fold, lambda base, wanted: compaction.base_table(self.root, base, wanted))
                found = whole if columns is None else whole.select(list(columns))
            else:
                found = compaction.base_table(self.root, name, columns)
            if compaction.generation(self.root) != self._generation:
                raise _moving(self.root)
        return found


def _check_there(root: Path) -> None:
    if not root.exists():
        raise ReportError(
            f"report {root}: it must be a folder, got nothing there. Check the path, or `advbench run --out {root}`."
        )
    if not root.is_dir():
        raise ReportError(f"report {root}: it must be a folder, got a file. Give the folder that holds run.json.")
    if not (root / "run.json").exists():
        raise ReportError(f"report {root}: it must be a report, got a folder without run.json. Check the path.")


def _fold_parts(root: Path) -> tuple[Fold, tuple[str, ...]]:
    cells = parts.read_all_parts(root)
    training, _, damaged = parts.read_training_parts(root)
    folded = fold(compaction.base_identities(root), cells, training)
    return folded, (*damaged, *(text for cell in cells for text in cell.damaged), *folded.orphans)


def _moving(root: Path) -> ReportError:
    return ReportError(
        f"report {root}: it must not change while it is read, got a run that just finished. Do it again."
    )
