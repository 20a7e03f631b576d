"""registry.toml: the catalogue of known plugins, and the named suites. Not how plugins are found."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..contract.errors import RequestError, did_you_mean
from ..supply.bounded import MIB, parse_toml, read_small

_PACKAGE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Suite:
    """A named request: component spellings per axis, and options of `run`."""

    name: str
    summary: str
    axes: Mapping[str, tuple[str, ...]]  # dataset, encoder, model, defense, attack
    options: Mapping[str, Any]  # threat and run options by their long names


@dataclass(frozen=True)
class Registry:
    """The parsed file."""

    path: Path
    plugins: Mapping[str, Mapping[str, Any]]
    suites: Mapping[str, Suite]

    def suite(self, name: str) -> Suite:
        """Raises RequestError with the nearest name."""
        if name not in self.suites:
            raise RequestError(f"no suite is called '{name}'. {did_you_mean(name, self.suites)}")
        return self.suites[name]

    def offering(self, kind: str, name: str) -> str | None:
        """The distribution that offers a component, whether installed or not."""
        for plugin in self.plugins.values():
            if name in plugin.get(f"{kind}s", ()):
                return str(plugin["dist"])
        return None


AXES = ("dataset", "encoder", "model", "defense", "attack")


def locate() -> Path:
    """The file beside the root pyproject.toml of a checkout, else the copy in the wheel.

    Never a caller's folder: what is benchmarked must not depend on where one stands.
    """
    checkout = _PACKAGE.parent.parent
    beside = checkout / "registry.toml"
    ours = _PACKAGE.parent.name == "core" and _project(checkout / "pyproject.toml") == "advbench"
    return beside if ours and beside.is_file() else _PACKAGE / "registry.toml"


def _project(path: Path) -> str | None:
    """The name in a pyproject.toml: vendored into a folder of somebody else's, we are not in our checkout."""
    try:
        name = tomllib.loads(path.read_text(encoding="utf-8"))["project"]["name"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return str(name)


def read(path: Path | None = None) -> Registry:
    """Raises RequestError if the file is damaged."""
    path = path or locate()
    try:
        data = parse_toml(read_small(path, MIB))
        suites, plugins = (_tables(data, kind) for kind in ("suite", "plugin"))
    except (OSError, ValueError) as error:  # ValueError: not TOML, or not even text
        raise RequestError(f"registry: {path} must be readable TOML, got {error}. Reinstall advbench.") from None
    return Registry(path, plugins, {name: _suite(name, table) for name, table in suites.items()})


def _tables(data: Mapping[str, Any], kind: str) -> Mapping[str, Mapping[str, Any]]:
    """All `[kind.name]`. Raises ValueError if they are no tables, or a plugin's is no texts and lists of texts."""
    found = data.get(kind, {})
    if not isinstance(found, dict) or not all(isinstance(table, dict) for table in found.values()):
        raise ValueError(f"'{kind}' that holds no tables")
    for name, table in found.items() if kind == "plugin" else ():
        texts = [one for value in table.values() for one in (value if isinstance(value, list) else [value])]
        if "dist" not in table or not all(isinstance(text, str) for text in texts):
            raise ValueError(f"plugin '{name}' that has no dist, or more than texts and lists of texts")
    return found


def _suite(name: str, table: Mapping[str, Any]) -> Suite:
    for axis in AXES:
        texts = table.get(axis, [])
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise RequestError(f"registry: suite {name}: {axis} must be a list of texts, got {texts!r}. Write [...].")
    axes = {axis: tuple(table[axis]) for axis in AXES if axis in table}
    options = {key: value for key, value in table.items() if key not in (*AXES, "summary")}
    return Suite(name, str(table.get("summary", "")), axes, options)
