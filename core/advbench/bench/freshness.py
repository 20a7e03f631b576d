"""Hashes of the code, libraries and fetched data that stand behind a result, so that stale ones are noticed."""

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
from ..contract.params import inner, name_of, spec_of
from ..contract.specs import EncoderSpec
from ..supply.supplies import Supply
from .plan import Cell
from .supplied import supplies

_CORE = Path(__file__).resolve().parent.parent
_CAUSES = ("its code or libraries", "the data that it fetched", "the encoder that compares texts")
_LIBRARIES = ("torch", "numpy", "scikit-learn", "numba", "scipy")


def fingerprint(cell: Cell, device: str) -> str:
    """Hashes of what produces this cell's rows, with a dot between them, one for each of `_CAUSES`: the plugins
    used, the rules, libraries and kind of device; what was fetched; the encoder that compares texts.

    Attacks always run on one thread, so their number needs no place here.
    """
    parts = [cell.data.component, *cell.opponent.parts, cell.attack]
    facts: dict[str, Any] = {
        "sources": {name: source_hash(path) for name, path in _sources(parts)},
        "rules": [source_hash(_CORE / floor) for floor in ("contract", "arena")],
        "libraries": versions(),
        "device": device.split(":")[0],
        "machine": platform.machine(),
    }
    outside = {**_vectors(cell), "opponent": _fetched(cell.opponent.fighters), "attack": _fetched([cell.attack])}
    judge = None
    if cell.similarity is not None:
        hashes = {name: source_hash(path) for name, path in _sources([cell.similarity])}
        judge = [cell.similarity.identity, cell.similarity.instance.facts().digest, hashes]
    return ".".join(map(_digest, (facts, outside, judge)))


def changes(before: str, now: str) -> str:
    """In words, what changed between two fingerprints of one cell that differ."""
    old, new = before.split("."), now.split(".")
    if len(old) != len(new):
        return _CAUSES[0]
    return " and ".join(cause for cause, one, other in zip(_CAUSES, old, new, strict=True) if one != other)


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
        **({"supplies": fetched} if (fetched := _fetched(cell.opponent.fighters)) else {}),
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


def _fetched(parts: Iterable[Component]) -> list[list[str]]:
    """Names and digests of all that these components need from outside, and of the encoders in their fields."""
    instances = [part.instance for part in parts]
    found = [digest for instance in instances for supply in supplies(instance) for digest in _digests(supply)]
    for inside in (inside for instance in instances for inside in _with_inner(instance)):
        if isinstance(spec_of(inside), EncoderSpec):
            found.append([name_of(inside), inside.facts().digest])
    return found


def _digests(supply: Supply) -> list[list[str]]:
    own = [supply.key, supply.open().digest]
    return [own, *(digest for other in supply.needs for digest in _digests(other))]


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


def _with_inner(instance: Any) -> list[Any]:
    return [instance, *(deeper for part in inner(instance) for deeper in _with_inner(part))]


def _digest(facts: object) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
