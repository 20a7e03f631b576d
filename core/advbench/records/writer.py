"""A report grows shard by shard; a process killed at any moment loses only the shards in flight."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ..contract.errors import ReportError
from . import compaction, folding, parts, runlog
from .files import digest, parquet_bytes, remove_folder, sweep, sync_folder, write_whole
from .known import Compacted, Judged, Key, KnownCell
from .lock import FolderLock
from .merge import INTERRUPTED, decided
from .place import LOCK, check_place, disk, safe_name
from .tables import make_table


class ReportWriter:
    """The only writer of a report folder, from `open()` to `close()`.

    `damaged` collects, with reasons, files that were found unusable and will be done again.
    Every method raises ReportError when the disk refuses.
    """

    def __init__(self, root: Path, lock: FolderLock) -> None:
        self.root = root
        self.damaged: list[str] = []
        self._lock = lock
        self._compacted: Compacted | None = None  # what the tables know, read once

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Create or continue a report, and lock it.

        Raises ReportError if the path is a file, a folder of something else, unwritable, locked
        by another process, damaged, or written by a newer advbench.
        """
        root = Path(path)
        with disk(root):
            check_place(root)
            root.mkdir(parents=True, exist_ok=True)
            lock = FolderLock(root / LOCK, root)
        try:
            with disk(root):
                sweep(root)
                if not (root / "run.json").exists():
                    runlog.write_runs(root, [])
                runlog.read_runs(root)
                compaction.finish_commit(root)
                compaction.generation(root)
        except BaseException:
            lock.release()
            raise
        return cls(root, lock)

    def close(self) -> None:
        """Unlock the report; finished parts stay as they are."""
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def known(self, cell_id: str) -> KnownCell | None:
        """Return what the report holds of a cell, compacted or in parts, or None."""
        cell = parts.read_cell_parts(self._cell_folder(cell_id))
        self._report(cell.damaged)
        if self._compacted is None:
            with disk(self.root):
                self._compacted = Compacted(self.root)
        old = self._compacted.cells.get(cell_id)
        base = (old["fingerprint"] or "", old["contender_digest"] or "") if old else None
        own = decided(cell, base).identity
        if own is None:
            return None
        live = [shard.examples for shard in cell.shards if shard.identity == own]
        judged = self._compacted.united(cell_id, live) if own == base else Judged.of(live)
        row = cell.row.select(["status", "code"]).to_pylist()[0] if cell.row is not None else old
        row = row or {"status": "failed", "code": INTERRUPTED}
        return KnownCell(*own, row["status"], row["code"], judged)

    def write_cell(self, row: Mapping[str, object]) -> None:
        """Store a cell's row; the last one written counts."""
        table = make_table("cells", [row])
        self._put(self._cell_folder(str(row["cell_id"])) / "cell.parquet", parquet_bytes(table))

    def write_shard(
        self,
        cell_id: str,
        shard: int,
        *,
        fingerprint: str,
        contender_digest: str,
        examples: Sequence[Mapping[str, object]],
        trace: Sequence[Mapping[str, object]],
    ) -> None:
        """Store one shard's rows, whole or not at all. Rows need not repeat cell_id.

        They count while the cell's row carries the same fingerprint and contender_digest.
        """
        tables = [make_table(name, _owned(cell_id, rows)) for name, rows in (("examples", examples), ("trace", trace))]
        keys = _keys(tables[0].select(["example_id", "target"]).to_pydict())
        if len(set(keys)) < len(keys):
            raise ReportError(f"cell {cell_id}: shard {shard} must judge each example and target once, got one twice.")
        folder = self._cell_folder(cell_id)
        with disk(self.root):
            self._make(folder)
            parts.write_shard(folder, shard, (fingerprint, contender_digest), *tables)

    def write_scores(self, cell_id: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Store a cell's scores; they replace the stored ones of the same metrics."""
        table = make_table("scores", _owned(cell_id, rows))
        self._put(self._cell_folder(cell_id) / "scores.parquet", parquet_bytes(table))

    def write_training(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Store how one contender was trained; replaces what is stored under its contender_digest."""
        table = make_table("training", rows)
        digests = set(table["contender_digest"].to_pylist())
        if len(digests) != 1:
            raise ReportError(f"table training: rows must belong to one contender_digest, got {len(digests)}.")
        name = safe_name("contender_digest", digests.pop())
        self._put(self.root / "parts" / parts.TRAINING / f"{name}.parquet", parquet_bytes(table))

    def write_prepared(self, cell_id: str, name: str, data: bytes) -> None:
        """Store what an attack prepared before its first example."""
        path = self._prepared_path(cell_id, name)
        self._put(path.with_name(f"{path.name}.sha256"), digest(data).encode())
        self._put(path, data)

    def read_prepared(self, cell_id: str, name: str) -> bytes | None:
        """Return what was prepared, or None if it is absent or damaged (then told in `damaged`)."""
        path = self._prepared_path(cell_id, name)
        with disk(self.root):
            if not path.exists():
                return None
            data, check = path.read_bytes(), path.with_name(f"{path.name}.sha256")
            if check.exists() and check.read_text() == digest(data):
                return data
        self._report([f"{path}: it must match its .sha256, got other bytes. It will be prepared again."])
        return None

    def write_traceback(self, cell_id: str, text: str) -> None:
        """Keep why a cell failed, in full, beside the tables."""
        self._put(self.root / "tracebacks" / f"{safe_name('cell_id', cell_id)}.txt", text.encode())

    def write_adversarials(self, cell_id: str, name: str, data: bytes) -> None:
        """Store the judged points of one shard."""
        self._put(self.root / "adversarials" / safe_name("cell_id", cell_id) / safe_name("name", name), data)

    def drop(self, cell_id: str) -> None:
        """Forget a cell's parts and prepared data; compacted rows stay until new ones replace them."""
        with disk(self.root):
            remove_folder(
                self.root / "prepared" / safe_name("cell_id", cell_id)
            )  # first: never reused without its cell
            remove_folder(self._cell_folder(cell_id))

    def append_run(self, entry: Mapping[str, Any]) -> int:
        """Add an invocation to run.json and return its position, the `run` of its cells."""
        with disk(self.root):
            runs = runlog.read_runs(self.root)
            runlog.write_runs(self.root, [*runs, runlog.stamped(entry)])
        return len(runs)

    def update_run(self, index: int, entry: Mapping[str, Any]) -> None:
        """Replace the invocation at `index`."""
        with disk(self.root):
            runs = runlog.read_runs(self.root)
            runs[index] = runlog.stamped(entry)
            runlog.write_runs(self.root, runs)

    def replace_runs(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """Replace all of run.json."""
        with disk(self.root):
            runlog.write_runs(self.root, [runlog.stamped(entry) for entry in entries])

    def take_file(self, place: Path, source: Path, replace: bool) -> None:
        """Copy a file of another report to `place`, relative to this one; `replace`: even if there is one."""
        kind, *names = place.parts
        path = self.root.joinpath(kind, *(safe_name("file", name) for name in names))
        if replace or not path.exists():
            with disk(source.parent):
                data = source.read_bytes()
            self._put(path, data)

    def forget_files(self, cell_id: str) -> None:
        """Remove what lies beside the tables for a cell."""
        with disk(self.root):
            for kind in ("prepared", "adversarials"):
                remove_folder(self.root / kind / safe_name("cell_id", cell_id))
            (self.root / "tracebacks" / f"{cell_id}.txt").unlink(missing_ok=True)

    def compact(self, rescored: Sequence[Mapping[str, object]] = ()) -> None:
        """Fold all parts into the five tables, in one step, and remove them. Safe to repeat.

        `rescored`: rows of scores, of any cells, that replace the stored ones of the same metrics.
        """
        with disk(self.root):
            scores = sorted(rescored, key=lambda row: (str(row["cell_id"]), str(row["metric"])))
            folded = folding.compact(self.root, make_table("scores", scores) if scores else None)
            self._report(folded.told)
            self._compacted = None
            for path in folded.training:
                path.unlink()
            for cell_id, names in folded.cells.items():
                self._remove(self.root / "parts" / cell_id, names)

    def _remove(self, folder: Path, names: Iterable[str]) -> None:
        """Remove folded files, each shard's examples before its trace; damaged ones stay as evidence."""
        for name in names:
            (folder / name).unlink()
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()

    def _report(self, texts: Iterable[str]) -> None:
        self.damaged += [text for text in texts if text not in self.damaged]

    def _cell_folder(self, cell_id: str) -> Path:
        if cell_id == parts.TRAINING:
            raise ReportError(f"cell_id: it must not be '{parts.TRAINING}', the name of another folder.")
        return self.root / "parts" / safe_name("cell_id", cell_id)

    def _prepared_path(self, cell_id: str, name: str) -> Path:
        return self.root / "prepared" / safe_name("cell_id", cell_id) / safe_name("name", name)

    def _put(self, path: Path, data: bytes) -> None:
        with disk(self.root):
            self._make(path.parent)
            write_whole(path, data)

    def _make(self, folder: Path) -> None:
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        for path in missing:
            sync_folder(path.parent)


def _owned(cell_id: str, rows: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    for row in rows:
        if row.get("cell_id", cell_id) != cell_id:
            raise ReportError(f"cell {cell_id}: its rows must carry its own cell_id, got '{row['cell_id']}'.")
    return [{"cell_id": cell_id, **row} for row in rows]


def _keys(columns: Mapping[str, list[Any]]) -> list[Key]:
    return list(zip(columns["example_id"], columns["target"], strict=True))
