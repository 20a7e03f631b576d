"""A State as one block of bytes: safetensors, with the JSON part as one more array."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ..arena.contest import Outcome
from ..contract.errors import DataError, PluginError
from ..contract.protocols import State
from ..contract.texts import one_line
from ..supply.bounded import parse_json
from ..supply.tensors import check_tensors

_META, _ARRAY = "meta", "array/"  # every array's name is prefixed, so that no name can be taken
_STATE, _QUERIES = "state", "queries"  # of what an attack prepared


def pack_arrays(arrays: Mapping[str, Tensor]) -> bytes:
    """Arrays by name, each with memory of its own: safetensors refuses arrays that share it."""
    alone = torch.contiguous_format
    return save({name: array.detach().cpu().clone(memory_format=alone) for name, array in arrays.items()})


def pack_outcome(name: str, outcome: Outcome) -> tuple[str, bytes]:
    """A file of judged points, its name completed: arrays, or texts `{id: [before, after]}` as JSON."""
    if outcome.texts:
        return f"{name}.json", _text_file(outcome.texts)
    return f"{name}.safetensors", pack_arrays(outcome.points)


def united(files: Sequence[tuple[str, bytes]]) -> tuple[str, bytes]:
    """One file of judged points from several by `pack_outcome`, which share no id."""
    texts = [content for name, content in files if name.endswith(".json")]
    if texts:
        name = next(name for name, _ in files if name.endswith(".json"))
        return name, _text_file({key: value for content in texts for key, value in json.loads(content).items()})
    return files[0][0], pack_arrays({key: value for _, content in files for key, value in load(content).items()})


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
    """The inverse of `pack_state`. Raises DataError if the bytes are none of its making, before believing them."""
    try:
        check_tensors(data)
        arrays = load(data)
        meta = parse_json(arrays.pop(_META).numpy().tobytes())
        if not isinstance(meta, dict) or not all(name.startswith(_ARRAY) for name in arrays):
            raise ValueError("other tensors or notes")
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        got = one_line(error, 200)
        raise DataError(f"stored state: it must be whole, got {got}. Remove its file; it is made again.") from None
    return State({name.removeprefix(_ARRAY): array for name, array in arrays.items()}, meta)


def pack_prepared(state: State, queries: int, who: str) -> bytes:
    """What `who` prepared, and the queries that it took. Raises PluginError as `pack_state` does."""
    return pack_state(State(state.arrays, {_STATE: dict(state.meta), _QUERIES: queries}), who)


def unpack_prepared(data: bytes) -> tuple[State, int]:
    """The inverse of `pack_prepared`. Raises DataError if the bytes are none of its making."""
    whole = unpack_state(data)
    meta, queries = whole.meta.get(_STATE), whole.meta.get(_QUERIES)
    if not isinstance(meta, dict) or type(queries) is not int or queries < 0:
        got = ", ".join(sorted(map(str, whole.meta))) or "nothing"
        raise DataError(
            f"what was prepared: it must say {_STATE} and {_QUERIES}, got {one_line(got, 200)}. It is prepared again."
        )
    return State(whole.arrays, meta), queries


def _text_file(texts: Mapping[str, Any]) -> bytes:
    return json.dumps(texts, indent=1).encode()


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
