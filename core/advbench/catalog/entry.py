"""One registered component: where it comes from, and its class, imported when it is needed."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..contract.errors import ParamError, PluginError, told
from ..contract.params import attach, describe
from ..contract.texts import kind_of

UNKNOWN = "?"


@dataclass(frozen=True)
class Source:
    """Who registered something: the plugin's name, and the distribution it came with."""

    plugin: str
    dist: str
    version: str

    def __str__(self) -> str:
        return self.plugin if self.dist == UNKNOWN else f"{self.plugin} ({self.dist} {self.version})"


@dataclass(frozen=True)
class Entry:
    """One registered component. `target` is imported by `load()`, not before."""

    kind: str
    spec: Any
    target: str | type
    source: Source
    family: bool = False  # its class makes one for each member: see Register.family

    def load(self) -> type:
        """Import the class. Raises PluginError naming the plugin."""
        return self._checked(self.target if isinstance(self.target, type) else self._import(self.target))

    def made(self, raw: Mapping[str, str]) -> type:
        """The class that takes these parameters, as typed: of a family, that of the member they name."""
        cls = self.load()
        if not self.family:
            return cls
        which = next(info for info in describe(cls) if info.positional)
        name = raw.get("", raw.get(which.name, which.default))
        if name is None:
            return cls
        try:
            member = cls.member(name.strip())  # type: ignore[attr-defined]
        except ValueError as error:  # no member is called so
            raise ParamError(f"{self.spec.name}: {error}") from None
        except Exception as error:
            who = f"{self.source}: {self.kind} '{self.spec.name}'"
            raise PluginError(f"{who} must make '{name}', got {told(error)}.") from error
        if not isinstance(member, type) or not issubclass(member, cls):
            who = f"{self.source}: {self.kind} '{self.spec.name}'"
            raise PluginError(f"{who}: member('{name}') must be a subclass of its class, got {kind_of(member)}.")
        return self._checked(member)

    def _checked(self, cls: type) -> type:
        try:
            describe(cls)
            attach(cls, self.spec)
        except PluginError:
            raise
        except Exception as error:
            who = f"{self.source}: {self.kind} '{self.spec.name}'"
            raise PluginError(f"{who} must be a class with readable parameters, got {told(error)}.") from error
        return cls

    def _import(self, target: str) -> type:
        module, _, name = target.partition(":")
        try:
            found = getattr(importlib.import_module(module), name)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit too, and whatever else a plugin may throw
            raise PluginError(
                f"{self.source}: '{target}' must be importable for {self.kind} '{self.spec.name}', got {told(error)}."
            ) from error
        if not isinstance(found, type):
            raise PluginError(f"{self.source}: '{target}' must be a class, got {type(found).__name__}.")
        return found
