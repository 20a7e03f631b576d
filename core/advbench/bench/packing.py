"""A State as one block of bytes: safetensors, with the JSON part in its header."""

from __future__ import annotations

import json

import torch
from safetensors.torch import load, save

from ..contract.protocols import State

_META = "advbench"


def pack_state(state: State) -> bytes:
    """Arrays and JSON together; no pickle anywhere."""
    arrays = {name: tensor.detach().cpu().contiguous() for name, tensor in state.arrays.items()}
    meta = json.dumps(dict(state.meta), sort_keys=True).encode()
    # safetensors refuses a file without arrays, and its own header holds flat strings only.
    return save({**arrays, _META: torch.frombuffer(bytearray(meta), dtype=torch.uint8)})


def unpack_state(data: bytes) -> State:
    """The inverse of `pack_state`."""
    arrays = load(data)
    meta = json.loads(bytes(arrays.pop(_META).numpy().tobytes()))
    return State(arrays, meta)
