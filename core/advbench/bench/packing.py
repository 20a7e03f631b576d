"""A State as one block of bytes: safetensors, with the JSON part as one more array."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

from ..arena.contest import Outcome
from ..contract.errors import PluginError
from ..contract.protocols import State
from ..contract.texts import one_line

_META, _ARRAY = "meta", "array/"  # every array's name is prefixed, so that no name can be taken


def pack_arrays(arrays: Mapping[str, Tensor]) -> bytes:
    """Arrays by name, each with memory of its own: safetensors refuses arrays that share it."""
    alone = torch.contiguous_format
    return save({name: array.detach().cpu().clone(memory_format=alone) for name, array in arrays.items()})


def pack_outcome(shard: int, outcome: Outcome) -> tuple[str, bytes]:
    """Name and content of the file of a shard's judged points: arrays, or texts `{id: [before, after]}` as JSON."""
    if outcome.texts:
        return f"shard-{shard:05d}.json", json.dumps(outcome.texts, indent=1).encode()
    return f"shard-{shard:05d}.safetensors", pack_arrays(outcome.points)


def pack_state(state: State, who: str = "state") -> bytes:
    """Arrays and JSON together; no pickle anywhere.

    Raises PluginError, naming `who` made the state, unless all of it will come back as it is.
    """
    for name, array in state.arrays.items():
        if not isinstance(name, str) or not isinstance(array, Tensor):
            got = f"{name!r}: {type(array).__name__}"
            raise PluginError(f"{who}: state() must hold tensors by name in its arrays, got {got}.")
    _check_json(dict(state.meta), who, "meta")
    meta = json.dumps(dict(state.meta), sort_keys=True).encode()
    arrays = {_ARRAY + name: array for name, array in state.arrays.items()}
    return pack_arrays({**arrays, _META: torch.frombuffer(bytearray(meta), dtype=torch.uint8)})


def unpack_state(data: bytes) -> State:
    """The inverse of `pack_state`."""
    arrays = load(data)
    meta = json.loads(bytes(arrays.pop(_META).numpy().tobytes()))
    return State({name.removeprefix(_ARRAY): array for name, array in arrays.items()}, meta)


def _check_json(value: Any, who: str, where: str) -> None:
    """Refuse what JSON holds only in disguise: a tuple would come back as a list, the key 3 as '3'."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise PluginError(f"{who}: state() must have texts as keys in its {where}, got {key!r}. Use str(key).")
            _check_json(inner, who, f"{where}[{key!r}]")
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            _check_json(inner, who, f"{where}[{i}]")
    elif not isinstance(value, (str, int, float, bool, type(None))):
        got = f"{type(value).__name__} {one_line(repr(value), 60)}"
        hint = "Use lists, texts and numbers; tensors belong into its arrays."
        raise PluginError(f"{who}: state() must hold JSON in its {where}, got {got}. {hint}")
