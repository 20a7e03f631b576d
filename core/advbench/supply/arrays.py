"""Arrays made once and mapped into memory ever after: .npy files and a JSON header in one folder."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from ..contract.errors import DataError
from ..contract.texts import one_line
from .bounded import MIB, parse_json, read_small

if TYPE_CHECKING:
    import numpy as np

HEADER, FORMAT = "header.json", 1
_LONGEST = 64 * MIB  # of the header, which may name columns and classes
Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"


class ArrayWriter:
    """Gives arrays that live on disk, to be filled piece by piece."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made: dict[str, np.memmap[Any, np.dtype[Any]]] = {}

    def create(self, name: str, shape: tuple[int, ...], dtype: Any) -> Array:
        """A zeroed array to write into. It is kept under this name."""
        import numpy as np

        path = self.folder / f"{name}.npy"
        made = np.lib.format.open_memmap(path, mode="w+", dtype=np.dtype(dtype), shape=shape)
        _take_room(path)
        self.made[name] = made
        return made

    def put(self, name: str, values: Array) -> None:
        """Keep a finished array."""
        self.create(name, values.shape, values.dtype)[...] = values


def _take_room(path: Path) -> None:
    """Let a full disk show now, where it can be told: while the file is mapped it would kill the process."""
    with path.open("r+b") as file:
        size = path.stat().st_size
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
            return
        start = len(file.read(128))  # not on every system: write what the file would hold anyway
        file.seek(start)
        for done in range(start, size, 1 << 24):
            file.write(bytes(min(1 << 24, size - done)))


@dataclass(frozen=True, eq=False)
class Arrays:
    """What a folder holds. Nothing is read until an array's values are."""

    folder: Path
    header: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """Of the values, shapes and types of all arrays; not of how they were come by."""
        return str(self.header["digest"])

    @property
    def meta(self) -> Mapping[str, Any]:
        """What their maker noted."""
        found: Mapping[str, Any] = self.header["meta"]
        return found

    def __getitem__(self, name: str) -> Array:
        """Memory-mapped, read only."""
        import numpy as np

        path = self.folder / f"{name}.npy"
        try:
            mapped: Array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError, OverflowError) as error:  # of objects, or shorter than it says
            raise DataError(f"{path}: it must be whole, got {one_line(error, 200)}. Fetch it again.") from None
        return mapped


def make_arrays(
    folder: Path,
    make: Callable[[ArrayWriter], Mapping[str, Any]],
    about: Mapping[str, Any],
    check: Callable[[str], None] = lambda digest: None,
) -> Arrays:
    """Have the arrays made under a temporary name, then put in place: others see all or nothing.

    `make` returns JSON-able notes. `about` is stored beside them and is no part of the digest.
    `check` may refuse what was made, by raising. One process at a time may call this for a folder.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left in folder.parent.glob(f".new-{folder.name}-????????"):  # by one that was killed
        shutil.rmtree(left, ignore_errors=True)
    staging, aside = (Path(tempfile.mkdtemp(prefix=f".new-{folder.name}-", dir=folder.parent)) for _ in range(2))
    try:
        writer = ArrayWriter(staging)
        meta = dict(make(writer))
        arrays = {name: _entry(staging, name, made) for name, made in sorted(writer.made.items())}
        writer.made.clear()
        header = {"format": FORMAT, "arrays": arrays, "digest": _digest(arrays), "meta": meta, "about": dict(about)}
        check(str(header["digest"]))
        with (staging / HEADER).open("w", encoding="utf-8") as file:
            json.dump(header, file, indent=1, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        if folder.exists():
            folder.rename(aside)  # in one go, as the next: who reads it meanwhile misses it for an instant only
        staging.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        shutil.rmtree(staging, ignore_errors=True)
    return Arrays(folder, header)


def open_arrays(folder: Path) -> Arrays | None:
    """None if nothing was made there. Raises DataError if something was, but is not whole."""
    try:
        header = parse_json(read_small(folder / HEADER, _LONGEST))
        if header["format"] != FORMAT:
            return None
        if not isinstance(header["meta"], dict) or not isinstance(header["digest"], str):
            raise ValueError("a header without meta and digest")
        for name, entry in header["arrays"].items():
            got = (folder / f"{name}.npy").stat().st_size
            if got != entry["bytes"]:
                raise ValueError(f"{name}.npy of {got:,} bytes instead of {entry['bytes']:,}")
    except FileNotFoundError as error:
        if Path(error.filename or "").name == HEADER:
            return None
        raise DataError(
            f"{folder}: it must be whole, got no {Path(error.filename).name}. Remove it, fetch again."
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise DataError(f"{folder}: it must be whole, got {error}. Remove it, fetch again.") from None
    return Arrays(folder, header)


def verify_arrays(arrays: Arrays) -> list[str]:
    """Read everything again; what does not match its checksum, in words."""
    wrong = []
    for name, entry in arrays.header["arrays"].items():
        try:
            got = _entry(arrays.folder, name, arrays[name])
        except (OSError, DataError) as error:
            wrong.append(f"{name}.npy: {error}")
            continue
        if got != entry:
            wrong.append(f"{name}.npy: its values are not those that were written")
    return wrong


def _entry(folder: Path, name: str, values: Array) -> dict[str, Any]:
    import numpy as np

    if isinstance(values, np.memmap) and values.mode != "r":
        values.flush()
    path = folder / f"{name}.npy"
    flat = values.reshape(-1).view(np.uint8)
    digest = hashlib.sha256()
    for start in range(0, len(flat), 1 << 24):
        digest.update(flat[start : start + (1 << 24)].data)
    kind = {"shape": list(values.shape), "dtype": values.dtype.str, "bytes": path.stat().st_size}
    return {**kind, "sha256": digest.hexdigest()}


def _digest(arrays: Mapping[str, Mapping[str, Any]]) -> str:
    """Leaves out the size of the files, which depends on the version of numpy that wrote them."""
    parts = [[name, entry["shape"], entry["dtype"], entry["sha256"]] for name, entry in sorted(arrays.items())]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
