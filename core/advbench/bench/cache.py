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
    """Reads and writes trained contenders. A damaged entry reads as absent, and says so in `damaged`."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = (root or cache_folder()) / "contenders"
        self.damaged: list[str] = []

    def load(self, key: str) -> tuple[bytes, dict[str, Any]] | None:
        """(packed state, meta), or None."""
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
        """Write under a temporary name and rename: another process sees all or nothing."""
        with _disk(self.root):
            self._store(key, packed, meta)

    def _store(self, key: str, packed: bytes, meta: dict[str, Any]) -> None:
        staging = Path(tempfile.mkdtemp(prefix="new-", dir=self.checkpoints(key)))  # and goes with that folder
        try:
            _write(staging / _STATE, packed)
            _write(staging / _META, json.dumps(meta | {"sha256": hashlib.sha256(packed).hexdigest()}).encode())
            shutil.rmtree(self.root / key, ignore_errors=True)
            staging.rename(self.root / key)
        except OSError:
            shutil.rmtree(staging, ignore_errors=True)
            if not (self.root / key).is_dir():  # else another process was faster, with the same result
                raise

    def checkpoints(self, key: str) -> Path:
        """A private folder in which an interrupted training finds its work again."""
        folder = self.root / f".unfinished-{key}"
        with _disk(self.root):
            folder.mkdir(parents=True, exist_ok=True)
        return folder

    def shared(self, key: str) -> Path:
        """A folder for trainings of one lineage, which stays when a contender is stored."""
        folder = self.root / f".shared-{key}"
        with _disk(self.root):
            folder.mkdir(parents=True, exist_ok=True)
            os.utime(folder)
        return folder

    def clear_checkpoints(self, key: str) -> None:
        """Called once the trained contender is stored."""
        shutil.rmtree(self.root / f".unfinished-{key}", ignore_errors=True)

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
