"""Trainings that survive an interruption: everything at the end of an epoch, in one file."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from advbench import keep_file

_EVERY = 10.0  # seconds; more often would cost small trainings more than it saves them
_META = "advbench"


class Checkpoint:
    """One file in the job's folder; without a folder nothing is kept."""

    def __init__(self, folder: Path | None, name: str) -> None:
        self.path = folder / f"{name}.safetensors" if folder is not None else None
        self._saved = time.monotonic()

    @property
    def due(self) -> bool:
        """Whether so much was done since the last one that it is worth keeping."""
        return self.path is not None and time.monotonic() - self._saved >= _EVERY

    def save(self, arrays: Mapping[str, Tensor], meta: Mapping[str, Any]) -> None:
        """Keep these; the file is whole or not there. A disk that refuses ends no training: it is tried again later."""
        if self.path is None:
            return
        self._saved = time.monotonic()
        whole = {name: array.detach().cpu().contiguous().clone() for name, array in arrays.items()}
        keep_file(self.path, save(whole, {_META: json.dumps(dict(meta))}))

    def load(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """What was kept; None if nothing, or nothing that can be read."""
        if self.path is None or not self.path.exists():
            return None
        try:
            with safe_open(self.path, framework="pt") as file:
                meta = json.loads(file.metadata()[_META])
                return {name: file.get_tensor(name) for name in file.keys()}, meta  # noqa: SIM118
        except (SafetensorError, OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
