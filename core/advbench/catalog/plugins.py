"""Finding plugins and what they register. A broken plugin is listed, and only using it fails."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from ..contract.errors import PluginError, RequestError, did_you_mean
from ..contract.params import attach, describe
from ..contract.specs import (
    AttackSpec,
    DatasetSpec,
    DefenseSpec,
    DistanceSpec,
    EncoderSpec,
    EngineSpec,
    MetricSpec,
    ModelSpec,
    Spec,
)  # fmt: skip
from ..contract.texts import article
from . import hookspecs
from .grammar import NAME

KINDS: Mapping[str, type[Spec]] = {
    "attack": AttackSpec,
    "defense": DefenseSpec,
    "model": ModelSpec,
    "encoder": EncoderSpec,
    "dataset": DatasetSpec,
    "distance": DistanceSpec,
    "metric": MetricSpec,
    "engine": EngineSpec,
}
BUILTIN, UNKNOWN = "builtin", "?"


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

    def load(self) -> type:
        """Import the class. Raises PluginError naming the plugin."""
        cls = self.target if isinstance(self.target, type) else self._import(self.target)
        describe(cls)
        attach(cls, self.spec)
        return cls

    def _import(self, target: str) -> type:
        module, _, name = target.partition(":")
        try:
            found = getattr(importlib.import_module(module), name)
        except (Exception, SystemExit) as error:
            raise PluginError(
                f"{self.source}: '{target}' must be importable for {self.kind} '{self.spec.name}',"
                f" got {type(error).__name__}: {error}."
            ) from error
        if not isinstance(found, type):
            raise PluginError(f"{self.source}: '{target}' must be a class, got {type(found).__name__}.")
        return found


@dataclass(frozen=True)
class Broken:
    """A plugin that could not be used, and why; `detail` holds the traceback if there is one."""

    source: Source
    reason: str
    detail: str = ""
    names: tuple[tuple[str, str], ...] = ()  # (kind, name) that it breaks


@dataclass
class Installed:
    """The outcome of looking around: entries by kind and name, sources in order, broken ones.

    left_out: installed, but not named by ADVBENCH_PLUGINS.  claims: who registered each name.
    """

    entries: dict[str, dict[str, Entry]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    sources: list[Source] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    left_out: list[Source] = field(default_factory=list)
    claims: dict[tuple[str, str], list[Source]] = field(default_factory=dict)
    manager: pluggy.PluginManager = field(default_factory=lambda: pluggy.PluginManager(hookspecs.PROJECT))

    def find(self, kind: str, name: str) -> Entry:
        """Raises RequestError with the nearest name, or PluginError if that name is broken."""
        if kind not in KINDS:
            raise PluginError(f"a kind must be one of {', '.join(KINDS)}, got '{kind}'. {did_you_mean(kind, KINDS)}")
        if name in self.entries[kind]:
            return self.entries[kind][name]
        for broken in self.broken:
            if (kind, name) in broken.names:
                raise PluginError(broken.reason)
        for broken in self.broken:
            if broken.source.plugin == name and not broken.names:
                raise PluginError(f"{kind} '{name}' cannot be used: {broken.source}: {broken.reason}")
        raise RequestError(f"no {kind} is called '{name}'. {did_you_mean(name, self.entries[kind])}")


def discover(files: Iterable[Path] = (), only: str | None = None) -> Installed:
    """Load the built-in plugin, the installed ones, and one-file ones.

    `only` (default: the environment's ADVBENCH_PLUGINS) names the entry points to load, split
    at commas; the built-in plugin always loads.
    """
    installed = Installed()
    installed.manager.add_hookspecs(hookspecs)
    only = os.environ.get("ADVBENCH_PLUGINS") if only is None else only
    wanted = None if only is None else {name.strip() for name in only.split(",") if name.strip()}
    _add(installed, _own(BUILTIN), lambda: importlib.import_module("advbench.builtin"))
    found = [(_source(point), point) for point in entry_points(group=hookspecs.PROJECT)]
    for source, point in sorted(found, key=lambda pair: (pair[0].plugin, pair[0].dist)):
        if wanted is None or source.plugin in wanted:
            _add(installed, source, point.load)
        else:
            installed.left_out.append(source)
    known = {source.plugin for source, _ in found} | {BUILTIN}
    for name in sorted((wanted or set()) - known):
        reason = f"ADVBENCH_PLUGINS must name installed plugins, got '{name}'. {did_you_mean(name, known)}"
        installed.broken.append(Broken(Source(name, UNKNOWN, UNKNOWN), reason))
    for path in dict.fromkeys(files):
        source = Source(path.stem, str(path), "file")
        _add(installed, source, lambda path=path: _load_file(path))  # type: ignore[misc]
    return installed


def _own(plugin: str) -> Source:
    from .. import __version__

    return Source(plugin, "advbench", __version__)


def _source(point: EntryPoint) -> Source:
    try:
        dist = point.dist
        name, version = (dist.name, dist.version) if dist else (UNKNOWN, UNKNOWN)
    except Exception:  # an installation whose metadata are damaged
        name, version = UNKNOWN, UNKNOWN
    return Source(point.name, name or UNKNOWN, version or UNKNOWN)


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}")
    name = f"advbench_file_{path.stem}"
    while name in sys.modules and Path(sys.modules[name].__file__ or "").resolve() != path.resolve():
        name += "_"  # another file of that name: neither may pass for the other
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and worker processes look modules up by name
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _add(installed: Installed, source: Source, load: Callable[[], Any]) -> None:
    """Load one plugin and take what it registers, or note why not."""
    try:
        module = load()
    except (Exception, SystemExit) as error:
        reason = f"importing it must succeed, got {type(error).__name__}: {error}."
        installed.broken.append(Broken(source, reason, traceback.format_exc()))
        return
    refusal = _refuse(installed, source, module)
    if refusal is not None:
        installed.broken.append(Broken(source, refusal))
        return
    taken: list[Entry] = []
    try:
        for kind in KINDS:
            for impl in getattr(installed.manager.hook, f"advbench_register_{kind}s").get_hookimpls():
                if impl.plugin is module:
                    impl.function(*(_Collector(kind, source, taken) for _ in impl.argnames))
    except (Exception, SystemExit) as error:
        installed.manager.unregister(module)  # none of its hooks may be called
        told = isinstance(error, PluginError)
        reason = str(error) if told else f"registering must succeed, got {type(error).__name__}: {error}."
        installed.broken.append(Broken(source, reason, traceback.format_exc()))
        return
    installed.sources.append(source)
    for entry in taken:
        _enter(installed, entry)


def _refuse(installed: Installed, source: Source, module: Any) -> str | None:
    """Why pluggy or we cannot accept this module; None registers it."""
    api = getattr(module, "ADVBENCH_API", hookspecs.API_VERSION)
    if api != hookspecs.API_VERSION:
        return (
            f"it must be written for plugin API {hookspecs.API_VERSION} of advbench, but says {api}."
            " Install a release of it that fits."
        )
    manager = installed.manager
    known = {name for name in vars(hookspecs) if name.startswith("advbench_")}
    for name in dir(module):
        value = inspect.getattr_static(module, name, None)
        # `import advbench_zoo.attack` leaves a module of that first name behind, which is no hook.
        routine = inspect.isroutine(value)
        marked = routine and isinstance(getattr(value, "advbench_impl", None), dict)
        if routine and (marked or name.startswith("advbench_")) and name not in known:
            return f"a hook must be one of advbench's, got '{name}'. {did_you_mean(name, known)}"
        if name in known and not marked:
            return f"hook '{name}' must be marked with @hookimpl, got it bare. Add the decorator."
    if manager.is_registered(module):
        return "a module must belong to one plugin, got one that is loaded already. Uninstall one of the two."
    try:
        manager.register(module, name=str(source))
    except (pluggy.PluginValidationError, ValueError) as error:
        if manager.is_registered(module):
            manager.unregister(module)
        return f"its hooks must fit advbench's, got: {error}."
    return None


class _Collector:
    """The `register` handed to one plugin's hook."""

    def __init__(self, kind: str, source: Source, taken: list[Entry]) -> None:
        self.kind, self.source, self.taken = kind, source, taken

    def __call__(self, spec: Spec, target: str | type) -> None:
        wanted = KINDS[self.kind]
        if not isinstance(spec, wanted):
            got = f"{type(spec).__name__} for {getattr(spec, 'name', spec)!r}"
            raise PluginError(f"registering {article(self.kind)} must use {wanted.__name__}, got {got}.")
        if not isinstance(spec.name, str) or not NAME.fullmatch(spec.name):
            raise PluginError(f"a name must be lower-case words joined by '-', got {spec.name!r}. Rename it.")
        if not isinstance(target, type) and not (isinstance(target, str) and ":" in target):
            raise PluginError(f"{self.kind} '{spec.name}' must be a class or 'module:Class', got {target!r}.")
        self.taken.append(Entry(self.kind, spec, target, self.source))


def _enter(installed: Installed, entry: Entry) -> None:
    """Add an entry; a name claimed twice serves neither claimant."""
    kind, name = entry.kind, entry.spec.name
    clash = (kind, name)
    owners = installed.claims.setdefault(clash, [])
    owners.append(entry.source)
    if len(owners) == 1:
        installed.entries[kind][name] = entry
        return
    installed.entries[kind].pop(name, None)
    installed.broken = [broken for broken in installed.broken if clash not in broken.names]
    *others, last = dict.fromkeys(map(str, owners))
    if others:
        hint = "Uninstall one of them." if len(others) == 1 else "Uninstall all but one."
        reason = f"{kind} '{name}' must have one owner, got {', '.join(others)} and {last}. {hint}"
    else:
        reason = f"{kind} '{name}' must be registered once, got {len(owners)} times from {last}. Correct that plugin."
    installed.broken.append(Broken(entry.source, reason, names=(clash,)))
