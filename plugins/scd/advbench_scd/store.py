"""Votes on disk, one file each, so that a stopped training goes on and ensembles of other sizes share them."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from .compiled import Float32
from .settings import Settings
from .training import Vote

_SETTINGS = "settings.json"
_PARTS = ("weights", "biases", "final", "threshold")


class VoteStore:
    """A folder of votes of one training. A damaged file, or one of another seed, reads as absent.

    Raises ValueError if the folder holds votes of other settings or other data.
    """

    def __init__(self, folder: Path, settings: Settings, data: str) -> None:
        self._folder = folder
        ours = {**asdict(settings), "data": data}
        place = folder / _SETTINGS
        folder.mkdir(parents=True, exist_ok=True)
        theirs = _read(place)
        if theirs is None:
            _write(place, json.dumps(ours, indent=1).encode())
        elif theirs != ours:
            name = next(name for name in sorted(ours | theirs) if theirs.get(name) != ours.get(name))
            raise ValueError(
                f"scd: half-trained votes must be of equal settings to go on, got {name}={theirs.get(name)} in"
                f" {folder} for {name}={ours.get(name)}. Give another folder, or remove this one."
            )

    def load(self, name: str, seed: int) -> Vote | None:
        """The vote of that name, if it is there and whole."""
        try:
            with safe_open(self._place(name), framework="np") as file:
                about = file.metadata() or {}
                arrays = {part: file.get_tensor(part) for part in _PARTS}
                accuracy = float(about["accuracy"])
        except (OSError, SafetensorError, KeyError, ValueError, TypeError):
            return None
        if about.get("seed") != str(seed) or about.get("sha256") != _digest(arrays):
            return None
        return Vote(**arrays, accuracy=accuracy)

    def keep(self, name: str, seed: int, vote: Vote) -> None:
        """Write the vote under a temporary name and rename it: another process sees all or nothing."""
        arrays = {part: np.asarray(getattr(vote, part)) for part in _PARTS}
        about = {"seed": str(seed), "sha256": _digest(arrays), "accuracy": repr(vote.accuracy)}
        _write(self._place(name), save(arrays, about))

    def _place(self, name: str) -> Path:
        return self._folder / f"{name}.safetensors"


def data_digest(x: Float32, y: NDArray[Any]) -> str:
    """Hash of what is trained on."""
    digest = hashlib.sha256(f"{x.shape}{x.dtype}{y.dtype}".encode())
    digest.update(np.ascontiguousarray(x).data)
    digest.update(np.ascontiguousarray(y).data)
    return digest.hexdigest()[:16]


def _digest(arrays: dict[str, Float32]) -> str:
    return hashlib.sha256(b"".join(np.ascontiguousarray(arrays[part]).tobytes() for part in _PARTS)).hexdigest()


def _read(place: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(place.read_text())
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _write(place: Path, data: bytes) -> None:
    handle, staging = tempfile.mkstemp(dir=place.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(staging).replace(place)
    except BaseException:
        Path(staging).unlink(missing_ok=True)
        raise
