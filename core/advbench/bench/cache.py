"""Trained contenders on disk: their packed states and JSON, named by what decides them, whole or absent."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..contract.errors import AdvbenchError
from ..contract.texts import one_line
from ..supply.bounded import MIB, parse_json, read_small
from ..supply.place import cache_folder as cache_folder
from ..supply.tensors import read_tensors

_STATE, _META = "state.safetensors", "meta.json"
_LONGEST = 64 * MIB  # of meta.json, which holds a row for each epoch


@dataclass(frozen=True)
class CacheEntry:
    """One trained contender; `used` is seconds since the epoch."""

    key: str
    about: str
    size: int
    used: float


class ContenderCache:
    """Reads and writes trained contenders. A damaged entry reads as absent, and says so in `damaged`.

    spare: what the disk refuses to hold is kept in memory, where this object alone finds it, and `unkept` says so.
    """

    def __init__(self, root: Path | None = None, *, spare: bool = False) -> None:
        self.root = (root or cache_folder()) / "contenders"
        self.damaged: list[str] = []
        self.unkept: list[str] = []
        self._spare = spare
        self._memory: dict[str, tuple[bytes, dict[str, Any]]] = {}

    def load(self, key: str) -> tuple[bytes, dict[str, Any]] | None:
        """(packed state, meta), or None."""
        if key in self._memory:
            return self._memory[key]
        folder = self.root / key
        if not folder.is_dir():
            return None
        try:
            meta = _read_meta(folder)
            packed = read_tensors(folder / _STATE)
            if hashlib.sha256(packed).hexdigest() != meta["sha256"]:
                raise ValueError("its state does not match its checksum")
        except (OSError, ValueError) as error:
            got = one_line(error, 200)
            self.damaged.append(f"cache entry {key} must be whole, got: {got}. It is trained again.")
            shutil.rmtree(folder, ignore_errors=True)
            return None
        with contextlib.suppress(OSError):  # a cache that others keep may be read without being written to
            os.utime(folder)
        self.clear_checkpoints(key)  # whoever trained it may have been killed before it could
        return packed, meta

    def digest(self, key: str) -> str | None:
        """The digest of a stored contender, without loading it."""
        try:
            return str(_read_meta(self.root / key)["digest"])
        except (OSError, ValueError):
            return None

    def about(self, key: str) -> dict[str, Any] | None:
        """What is stored beside a contender: its digest, its log, what a query costs it; None if it is not here."""
        try:
            return _read_meta(self.root / key)
        except (OSError, ValueError):
            return None

    def store(self, key: str, packed: bytes, meta: dict[str, Any]) -> None:
        """Write under a temporary name and rename: another process sees all or nothing. Then checkpoints go."""
        try:
            with _disk(self.root):
                self._store(key, packed, meta)
        except AdvbenchError as error:
            if not self._spare:
                raise
            self._memory[key] = packed, meta
            self.unkept.append(f"{meta['about']}: it serves this run alone, and another trains it again. {error}")
        else:
            self.clear_checkpoints(key)

    def _store(self, key: str, packed: bytes, meta: dict[str, Any]) -> None:
        unfinished = self._unfinished(key)
        unfinished.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix="new-", dir=unfinished))  # and goes with that folder
        try:
            _write(staging / _STATE, packed)
            _write(staging / _META, json.dumps(meta | {"sha256": hashlib.sha256(packed).hexdigest()}).encode())
            shutil.rmtree(self.root / key, ignore_errors=True)
            staging.rename(self.root / key)
        except OSError:
            shutil.rmtree(staging, ignore_errors=True)
            if not (self.root / key).is_dir():  # else another process was faster, with the same result
                raise

    def checkpoints(self, key: str) -> Path | None:
        """A private folder in which an interrupted training finds its work again.

        None where the disk refuses it, and memory is spare.
        """
        return self._folder(self._unfinished(key))

    def shared(self, key: str) -> Path | None:
        """A folder for trainings of one lineage, which stays when a contender is stored. None: as above."""
        return self._folder(self.root / f".shared-{key}")

    def clear_checkpoints(self, key: str) -> None:
        """Called once the trained contender is stored."""
        shutil.rmtree(self._unfinished(key), ignore_errors=True)

    def _unfinished(self, key: str) -> Path:
        return self.root / f".unfinished-{key}"

    def _folder(self, folder: Path) -> Path | None:
        try:
            with _disk(self.root):
                folder.mkdir(parents=True, exist_ok=True)
                os.utime(folder)  # it is in use
        except AdvbenchError:
            if not self._spare:
                raise
            return None
        return folder

    def entries(self) -> Iterator[CacheEntry]:
        """Most recently used first."""
        folders = [folder for folder in self.root.glob("*") if folder.is_dir()] if self.root.is_dir() else []
        for folder in sorted(folders, key=lambda one: -one.stat().st_mtime):
            size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
            yield CacheEntry(folder.name, _about(folder), size, folder.stat().st_mtime)

    def prune(self, older_than_days: float) -> list[CacheEntry]:
        """Remove entries unused for that long; return them."""
        limit = time.time() - older_than_days * 86_400
        gone = [entry for entry in self.entries() if entry.used <= limit]
        for entry in gone:
            shutil.rmtree(self.root / entry.key, ignore_errors=True)
        return gone


@contextlib.contextmanager
def _disk(root: Path) -> Iterator[None]:
    """Raise AdvbenchError where the operating system refuses to write."""
    try:
        yield
    except OSError as error:
        hint = "Make room, or choose another cache with ADVBENCH_CACHE_DIR."
        told = error.strerror or str(error)
        raise AdvbenchError(f"cache {root}: it must be a folder with room to write to, got: {told}. {hint}") from error


def _about(folder: Path) -> str:
    if folder.name.startswith(".shared-"):
        return "shared by trainings"
    if folder.name.startswith("."):
        return "unfinished training"
    try:
        return str(_read_meta(folder).get("about", "?"))
    except (OSError, ValueError):
        return "damaged"


def _read_meta(folder: Path) -> dict[str, Any]:
    """What is noted of a contender. Raises ValueError unless it is all of what `store` was given."""
    meta = parse_json(read_small(folder / _META, _LONGEST))
    if not isinstance(meta, dict) or not all(isinstance(meta.get(name), str) for name in ("digest", "sha256")):
        raise ValueError("notes without digest and sha256")
    rows = meta.get("log")
    if not isinstance(rows, list) or not all(isinstance(row, dict) and _are_numbers(row.values()) for row in rows):
        raise ValueError("a log that is no list of numbers by name")
    return meta


def _are_numbers(values: Iterable[Any]) -> bool:
    return all(isinstance(value, (int, float)) for value in values)


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
