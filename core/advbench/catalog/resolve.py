"""From what was typed to a checked component."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..contract.errors import AdvbenchError, ParamError, PluginError, RequestError
from ..contract.params import build, describe, items, spec_of, values
from .grammar import Spelling, expand, parse
from .plugins import Entry, Installed
from .registry import Registry


@dataclass(frozen=True, eq=False)
class Component:
    """An installed component with its parameters. Equal texts mean equal components."""

    entry: Entry
    instance: Any

    @property
    def kind(self) -> str:
        return self.entry.kind

    @property
    def name(self) -> str:
        return str(self.entry.spec.name)

    @property
    def spec(self) -> Any:
        return self.entry.spec

    @cached_property
    def text(self) -> str:
        """As one would type it: only what differs from the defaults."""
        return str(Spelling(self.name, items(self.instance)))

    @cached_property
    def params(self) -> str:
        """All parameters as canonical JSON."""
        return json.dumps(values(self.instance), sort_keys=True, separators=(",", ":"))

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What is hashed: name, all parameters, and the revision of every component inside."""
        return {"name": self.name, "params": values(self.instance), "revisions": _revisions(self.instance)}


@dataclass(frozen=True)
class Resolver:
    """Looks names up among the installed plugins, and in the catalogue for a helpful hint."""

    installed: Installed
    registry: Registry

    def one(self, kind: str, text: str) -> Component:
        """Raises RequestError or ParamError if `text` names no component with such parameters."""
        spelling = parse(text)
        return self._make(kind, spelling.name, spelling.items)

    def many(self, kind: str, texts: tuple[str, ...]) -> list[Component]:
        """All of them, sweeps expanded, each once, in order."""
        found: dict[str, Component] = {}
        for text in texts:
            for single in expand(text):
                component = self.one(kind, single)
                found.setdefault(component.text, component)
        return list(found.values())

    def _make(self, kind: str, name: str, raw: Mapping[str, str]) -> Component:
        entry = self.find(kind, name)

        def nested(inner: str, text: str, own: Mapping[str, str]) -> Any:
            return self._make(inner, text, own).instance

        instance: Any = build(entry.load(), name, raw, nested)
        try:
            facts = getattr(instance, "facts", None)
            if kind in ("dataset", "model", "attack") and facts is not None:
                facts()  # parameters such as classes=3/8 can only be checked against the data
        except ParamError as error:
            raise ParamError(f"{name}: {error}") from None
        except AdvbenchError:
            raise
        except Exception as error:
            got = f"{type(error).__name__}: {error}"
            raise PluginError(f"{entry.source}: {kind} '{name}' must be able to tell its facts, got {got}.") from error
        return Component(entry, instance)

    def find(self, kind: str, name: str) -> Entry:
        """The installed component of that name. Raises RequestError with the nearest, or what to install."""
        try:
            return self.installed.find(kind, name)
        except RequestError as error:
            dist = self.registry.offering(kind, name)
            if dist is None:
                raise
            for broken in self.installed.broken:
                if _same(broken.source.dist, dist) and not broken.names:
                    raise PluginError(f"{kind} '{name}' cannot be used: {broken.source}: {broken.reason}") from error
            for source in self.installed.left_out:
                if _same(source.dist, dist):
                    hint = f"Add {source.plugin} to ADVBENCH_PLUGINS."
                    raise RequestError(f"{kind} '{name}' is installed, but its plugin is left out. {hint}") from error
            raise RequestError(f"{kind} '{name}' is not installed. Run: pip install {dist}") from error


def _same(one: str, other: str) -> bool:
    """Whether two spellings name one distribution."""
    plain = [re.sub(r"[-_.]+", "-", name).lower() for name in (one, other)]
    return plain[0] == plain[1]


def _revisions(instance: Any) -> list[int]:
    """The component's own revision and, depth first, those of the components in its fields."""
    inner = [
        revision
        for info in describe(type(instance))
        if info.kind is not None and getattr(instance, info.name) is not None
        for revision in _revisions(getattr(instance, info.name))
    ]
    return [spec_of(instance).revision, *inner]
