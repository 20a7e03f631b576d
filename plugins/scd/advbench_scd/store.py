"""Votes on disk, one file each, so that a stopped training goes on and ensembles of other sizes share them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from advbench import keep_file

from .compiled import Float32
from .settings import Settings
from .training import Vote

_SETTINGS = "settings.json"
_PARTS = ("weights", "biases", "final", "threshold")


class VoteStore:
    """A folder of votes of one training. A damaged file, or one of another seed, reads as absent.

    A disk that refuses a vote ends no training. No vote is kept where the settings could not be: nobody could tell
    later what it is of. Raises ValueError if the folder holds votes of other settings or other data.
    """

    def __init__(self, folder: Path, settings: Settings, data: str) -> None:
        self._folder = folder
        ours = {**asdict(settings), "data": data}
        theirs = _read(folder / _SETTINGS)
        self._settings = json.dumps(ours, indent=1).encode()
        self._begun = theirs is not None or self._begin()
        if theirs is not None and theirs != ours:
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
        """Write the vote: another process sees all of it or nothing."""
        self._begun = self._begun or self._begin()
        if not self._begun:
            return
        arrays = {part: np.asarray(getattr(vote, part)) for part in _PARTS}
        about = {"seed": str(seed), "sha256": _digest(arrays), "accuracy": repr(vote.accuracy)}
        keep_file(self._place(name), save(arrays, about))

    def _begin(self) -> bool:
        return keep_file(self._folder / _SETTINGS, self._settings)

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
