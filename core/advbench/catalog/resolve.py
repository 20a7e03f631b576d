"""From what was typed to a checked component."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias, TypeVar

from ..contract.errors import AdvbenchError, ParamError, PluginError, RequestError, told
from ..contract.facts import AttackFacts, ContenderFacts, DatasetFacts
from ..contract.fitting import misfit
from ..contract.named import DEFAULT_MODEL, NamedContender
from ..contract.params import build, inner, items, spec_of, values
from .grammar import Spelling, expand, parse
from .plugins import Entry, Installed
from .registry import Registry

T = TypeVar("T")
_Layer: TypeAlias = tuple[str, str, tuple[tuple[str, str], ...]]  # kind, name, parameters as typed
_FACTS: Mapping[str, type] = {"dataset": DatasetFacts, "model": ContenderFacts, "attack": AttackFacts}


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

    def ask(self, what: str, call: Callable[[], Any], wanted: type[T]) -> T:
        """What the plugin answers. Raises PluginError naming it if it fails or says something else."""
        return _ask(self.entry, what, call, wanted)

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
        return self._make(kind, spelling.name, spelling.items, ())

    def many(self, kind: str, texts: tuple[str, ...]) -> list[Component]:
        """All of them, sweeps expanded, each once, in order."""
        found: dict[str, Component] = {}
        for text in texts:
            for single in expand(text):
                component = self.one(kind, single)
                found.setdefault(component.text, component)
        return list(found.values())

    def _make(self, kind: str, name: str, raw: Mapping[str, str], around: tuple[_Layer, ...]) -> Component:
        entry = self.find(kind, name)
        layer = (kind, name, tuple(sorted(raw.items())))
        if layer in around:  # equal settings hold equal components, and so on without end
            chain = " > ".join(one for _, one, _ in (*around[around.index(layer) :], layer))
            hint = "Its author must give that field another default, or None."
            raise PluginError(f"{entry.source}: {kind} '{name}' must not hold itself by default, got {chain}. {hint}")

        def nested(kind: str, text: str, own: Mapping[str, str]) -> Any:
            make = self._named if kind == "contender" else self._instance
            return make(kind, text, own, (*around, layer))

        instance = _ask(entry, "parameters", lambda: build(entry.made(raw), name, raw, nested), object)
        facts = getattr(instance, "facts", None)
        if kind in _FACTS and facts is not None:
            try:  # parameters such as classes=3/8 can only be checked against the data
                _ask(entry, "facts", facts, _FACTS[kind])
            except ParamError as error:
                raise ParamError(f"{name}: {error}") from None
        return Component(entry, instance)

    def _instance(self, kind: str, name: str, raw: Mapping[str, str], around: tuple[_Layer, ...]) -> Any:
        return self._make(kind, name, raw, around).instance

    def _named(self, kind: str, name: str, raw: Mapping[str, str], around: tuple[_Layer, ...]) -> NamedContender:
        """The defense of that name, over `model` if it needs one, or else the model of that name."""
        if len(around) > 1 or around[0][0] != "attack":
            holder = f"{around[-1][0]} '{around[-1][1]}'"
            raise ParamError(f"{holder}: a contender must be held by an attack named for itself, got '{name}' inside.")
        known = self.installed.entries["defense"]
        if name not in known and name in self.installed.entries["model"]:
            return NamedContender(self._instance("model", name, raw, around), None)
        if name not in known and self.registry.offering("defense", name) is None:
            return NamedContender(self._instance("model", name, raw, around), None)  # with its hint
        if self.find("defense", name).spec.base == "none":
            return NamedContender(None, self._instance("defense", name, raw, around))
        below = {key.removeprefix("model."): text for key, text in raw.items() if key.startswith("model.")}
        own = {key: text for key, text in raw.items() if key != "model" and not key.startswith("model.")}
        model = self._instance("model", raw.get("model", DEFAULT_MODEL), below, around)
        return NamedContender(model, self._instance("defense", name, own, around))

    def component(self, kind: str, instance: Any) -> Component:
        """The component that an instance is of."""
        return Component(self.find(kind, spec_of(instance).name), instance)

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


def _ask(entry: Entry, what: str, call: Callable[[], Any], wanted: type[T]) -> T:
    who = f"{entry.source}: {entry.kind} '{entry.spec.name}' must be able to tell its {what}"
    try:
        answer = call()
    except (AdvbenchError, KeyboardInterrupt):
        raise
    except BaseException as error:  # SystemExit too, and whatever else a plugin may throw
        raise PluginError(f"{who}, got {told(error)}.") from error
    if not isinstance(answer, wanted):
        raise PluginError(f"{who} as {wanted.__name__}, got {type(answer).__name__}.")
    if wanted in _FACTS.values() and (flaw := misfit(answer)):
        raise PluginError(f"{who}: {flaw}.")
    return answer


def _same(one: str, other: str) -> bool:
    """Whether two spellings name one distribution."""
    plain = [re.sub(r"[-_.]+", "-", name).lower() for name in (one, other)]
    return plain[0] == plain[1]


def _revisions(instance: Any) -> list[int]:
    """The component's own revision and, depth first, those of the components in its fields."""
    return [spec_of(instance).revision, *(deeper for part in inner(instance) for deeper in _revisions(part))]
