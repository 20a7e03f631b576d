"""Short names: a component shows only the parameters in which its namesakes differ."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from ..contract.errors import ReportError
from ..supply.bounded import parse_json

Cell: TypeAlias = Mapping[str, Any]
Contender: TypeAlias = tuple[str | None, ...]  # encoder, model, defense, each with its parameters

_KINDS = ("encoder", "model", "defense")
_CONTENDER = tuple(column for kind in _KINDS for column in (kind, f"{kind}_params"))


def contender_of(cell: Cell) -> Contender:
    """What is attacked: equal for two cells exactly if they attack the same."""
    return tuple(None if cell[column] in ("", "none") else cell[column] for column in _CONTENDER)


class Labels:
    """Names for everything in one set of cells."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        self._shown = {kind: _differing(cells, kind) for kind in (*_KINDS, "attack")}
        self._texts: dict[tuple[str, str | None, str | None], str] = {}
        self._contenders = self._name_contenders(cells)

    def contender(self, cell: Cell) -> str:
        """The defense, or the model of a plain contender; more only where needed to tell two apart."""
        return self._contenders[contender_of(cell)]

    def attack(self, cell: Cell) -> str:
        """As `zoo` or `zoo[h=1e-4]`."""
        return self._short(cell, "attack")

    def dataset(self, cell: Cell) -> str:
        """With all parameters that are set: tables of different data must not look alike."""
        params = {key: value for key, value in _params(cell, "dataset").items() if value not in (None, "", [])}
        return f"{cell['dataset']}{_brackets(params)}"

    def _short(self, cell: Cell, kind: str) -> str:
        key = (kind, cell[kind], cell[f"{kind}_params"])
        if key not in self._texts:
            shown, params = self._shown[kind][cell[kind]], _params(cell, kind)
            self._texts[key] = f"{cell[kind]}{_brackets({name: params[name] for name in params if name in shown})}"
        return self._texts[key]

    def _name_contenders(self, cells: Sequence[Cell]) -> dict[Contender, str]:
        """Say the defense, then the model, then the encoder, until no two contenders share a name."""
        one_each = {contender_of(cell): cell for cell in cells}
        names: dict[Contender, str] = {}
        for key, cell in one_each.items():
            names[key] = " on ".join(self._parts(cell)[:1])
        for depth in (2, 3):
            holders = defaultdict(list)
            for key, name in names.items():
                holders[name].append(key)
            for same in holders.values():
                for key in same if len(same) > 1 else ():
                    names[key] = " on ".join(self._parts(one_each[key])[:depth])
        return names

    def _parts(self, cell: Cell) -> list[str]:
        named = [self._short(cell, kind) for kind in reversed(_KINDS) if cell[kind] not in (None, "", "none")]
        return named or ["nothing"]


def is_twin_of(twin_of: str, cell: Cell) -> bool:
    """Whether `twin_of`, as stored, names this cell's defense: `NAME`, `NAME:{json}` or `NAME:key=value,...`."""
    name, _, rest = twin_of.partition(":")
    if name != cell["defense"]:
        return False
    if not rest or rest == cell["defense_params"]:
        return True
    params = _params(cell, "defense")
    pairs = [item.partition("=") for item in rest.split(",")]
    return all(key in params and show(params[key]) == value for key, _, value in pairs)


def show(value: Any) -> str:
    """A parameter's stored value as one would type it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return (
            f"{value:.0e}".replace("e-0", "e-")
            if 0 < abs(value) <= 1e-4 and value == float(f"{value:.0e}")
            else f"{value:g}"
        )
    if isinstance(value, list):
        return "/".join(show(part) for part in value)
    if isinstance(value, dict) and "name" in value:
        return str(value["name"])
    return str(value)


def _params(cell: Cell, kind: str) -> dict[str, Any]:
    text = cell[f"{kind}_params"]
    try:
        found = parse_json(text) if text else {}
    except ValueError:
        hint = "Run the cell again into another folder."
        raise ReportError(
            f"cell {cell['cell_id']}: {kind}_params must be JSON as written by run, got {text!r:.80}. {hint}"
        ) from None
    return found if isinstance(found, dict) else {}


def _differing(cells: Sequence[Cell], kind: str) -> dict[str | None, set[str]]:
    """For each name of the kind, the parameters that are not the same wherever it appears."""
    texts: dict[str | None, dict[str | None, Cell]] = defaultdict(dict)
    for cell in cells:
        texts[cell[kind]][cell[f"{kind}_params"]] = cell
    shown: dict[str | None, set[str]] = {}
    for name, variants in texts.items():
        parsed = [_params(cell, kind) for cell in variants.values()]
        keys = {key for params in parsed for key in params}
        shown[name] = {key for key in keys if len({json.dumps(params.get(key)) for params in parsed}) > 1}
    return shown


def _brackets(params: Mapping[str, Any]) -> str:
    return "[" + ",".join(f"{key}={show(value)}" for key, value in params.items()) + "]" if params else ""
