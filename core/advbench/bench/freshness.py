"""Hashes of the code and libraries that stand behind a result, so that stale ones are noticed."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import platform
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..catalog.resolve import Component
from ..contract.params import inner
from .plan import Cell

_CORE = Path(__file__).resolve().parent.parent
_LIBRARIES = ("torch", "numpy", "scikit-learn", "numba", "scipy")


def fingerprint(cell: Cell, device: str) -> str:
    """Hash of what produces this cell's rows: the plugins used, the rules, libraries, kind of device.

    Attacks always run on one thread, so their number needs no place here.
    """
    parts = [cell.data.component, *cell.opponent.parts, cell.attack]
    facts: dict[str, Any] = {
        "sources": {name: source_hash(path) for name, path in _sources(parts)},
        **_vectors(cell),
        "rules": [source_hash(_CORE / floor) for floor in ("contract", "arena")],
        "libraries": versions(),
        "device": device.split(":")[0],
        "machine": platform.machine(),
    }
    if cell.similarity is not None:
        hashes = {name: source_hash(path) for name, path in _sources([cell.similarity])}
        facts["similarity"] = [cell.similarity.identity, cell.similarity.instance.facts().digest, hashes]
    return _digest(facts)


def training_key(cell: Cell, device: str) -> str:
    """Name of the trained contender in the cache: everything that decides how it turns out."""
    return _training(cell, device, cell.opponent.identity)


def lineage_key(cell: Cell, device: str) -> str | None:
    """Name of the training that contenders of one lineage share, all else being equal; None: it has none."""
    return None if cell.opponent.lineage is None else _training(cell, device, cell.opponent.lineage)


def _training(cell: Cell, device: str, opponent: object) -> str:
    facts = {
        "data": [cell.data.component.identity, cell.data.facts.digest],
        **_vectors(cell),
        "opponent": opponent,
        "seed": cell.seed,
        "sources": {name: source_hash(path) for name, path in _sources([cell.data.component, *cell.opponent.parts])},
        "libraries": versions(),
        "device": device.split(":")[0],
        "machine": platform.machine(),
    }
    return _digest(facts)


def _vectors(cell: Cell) -> dict[str, str]:
    """What a contender's encoder gives: its name may stay while its file changes."""
    encoder = cell.opponent.encoder
    return {} if encoder is None else {"vectors": encoder.instance.facts().digest}


@functools.cache
def versions() -> dict[str, str]:
    """Of Python and the libraries that compute."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


@functools.cache
def source_hash(path: Path) -> str:
    """Of one Python file, or of all Python files below a folder."""
    digest = hashlib.sha256()
    for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
        digest.update(str(file.relative_to(path)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def _sources(parts: Iterable[Component]) -> list[tuple[str, Path]]:
    """The package or file that each component's class, and those in its fields, come from."""
    found: dict[str, Path] = {}
    for part in parts:
        for instance in _with_inner(part.instance):
            module = type(instance).__module__
            # advbench's own components live one level down: builtin changes must not touch others.
            package = ".".join(module.split(".")[:2]) if module.startswith("advbench.") else module.split(".")[0]
            origin = sys.modules[package].__file__
            if origin is not None:
                path = Path(origin)
                found[package] = path.parent if path.name == "__init__.py" else path
    return sorted(found.items())


def _with_inner(instance: object) -> list[object]:
    return [instance, *(deeper for part in inner(instance) for deeper in _with_inner(part))]


def _digest(facts: object) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
