"""A training that survives an interruption: network, optimiser and log at the end of an epoch, in one file."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from advbench import keep_file

_EVERY = 10.0  # seconds; more often would cost small trainings more than it saves them
_NAME, _META = "training.safetensors", "rbfi"


class Checkpoint:
    """Keeps what the next epoch starts from; without a folder nothing."""

    def __init__(self, folder: Path | None, network: nn.Module, optimiser: torch.optim.Optimizer) -> None:
        self._path = folder / _NAME if folder is not None else None
        self._network, self._optimiser = network, optimiser
        self._saved = time.monotonic()

    @property
    def due(self) -> bool:
        """Whether so much was done since the last one that it is worth keeping."""
        return time.monotonic() - self._saved >= _EVERY

    def save(self, rows: list[dict[str, float]]) -> None:
        """Keep the state after as many epochs as there are rows; the file is whole or not there.

        A disk that refuses ends no training: it is tried again later.
        """
        if self._path is None:
            return
        self._saved = time.monotonic()
        arrays = {f"network/{name}": value for name, value in self._network.state_dict().items()}
        for place, state in self._optimiser.state_dict()["state"].items():
            arrays |= {f"optimiser/{place}/{key}": torch.as_tensor(value) for key, value in state.items()}
        whole = {name: value.cpu().contiguous() for name, value in arrays.items()}
        keep_file(self._path, save(whole, {_META: json.dumps(rows)}))

    def resume(self) -> list[dict[str, float]]:
        """Stand where the file was kept, and return the rows logged until then; none if there is no such file."""
        found = self._read()
        if found is None:
            return []
        arrays, rows = found
        self._network.load_state_dict(_below("network", arrays))
        states: dict[int, dict[str, Tensor]] = {}
        for name, value in _below("optimiser", arrays).items():
            place, _, key = name.partition("/")
            states.setdefault(int(place), {})[key] = value
        self._optimiser.load_state_dict({**self._optimiser.state_dict(), "state": states})
        return rows

    def _read(self) -> tuple[Mapping[str, Tensor], list[dict[str, Any]]] | None:
        if self._path is None or not self._path.exists():
            return None
        try:
            with safe_open(self._path, framework="pt") as file:
                return {name: file.get_tensor(name) for name in file.keys()}, json.loads(file.metadata()[_META])  # noqa: SIM118
        except (SafetensorError, OSError, ValueError, KeyError, TypeError, RecursionError):
            return None  # nothing that can be read: the training starts anew


def _below(head: str, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name[len(head) + 1 :]: value for name, value in arrays.items() if name.startswith(f"{head}/")}
