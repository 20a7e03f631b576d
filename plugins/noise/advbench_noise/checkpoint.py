"""A training's file on disk, from which it goes on after an interruption."""

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

_EVERY = 10.0  # seconds between two


class Checkpoint:
    """Arrays by name and JSON; without a folder nothing is kept. `settings` of another training are not taken up."""

    def __init__(self, folder: Path | None, settings: str) -> None:
        self.path = folder / "noise.safetensors" if folder is not None else None
        self.settings = settings
        self._saved = time.monotonic()

    @property
    def due(self) -> bool:
        return self.path is not None and time.monotonic() - self._saved >= _EVERY

    def save(self, arrays: Mapping[str, Tensor], meta: Mapping[str, Any]) -> None:
        """Keep these; the file is whole or not there. A disk that refuses ends no training: it is tried again later."""
        if self.path is None:
            return
        self._saved = time.monotonic()
        whole = {name: array.detach().cpu().contiguous().clone() for name, array in arrays.items()}
        keep_file(self.path, save(whole, {"settings": self.settings, "meta": json.dumps(dict(meta))}))

    def load(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """None if nothing was kept, nothing that can be read, or something of another training."""
        if self.path is None or not self.path.exists():
            return None
        try:
            with safe_open(self.path, framework="pt") as file:
                about = file.metadata()
                if about["settings"] != self.settings:
                    return None
                return {name: file.get_tensor(name) for name in file.keys()}, json.loads(about["meta"])  # noqa: SIM118
        except (SafetensorError, OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
