"""Finding plugins and what they register. A broken plugin is listed, and only using it fails."""

from __future__ import annotations

import importlib
import importlib.util
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

from ..contract.errors import PluginError, RequestError, did_you_mean, told
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
from ..contract.texts import harmless, one_line
from . import hookspecs
from .accepting import check_component, refuse_module
from .entry import UNKNOWN
from .entry import Entry as Entry
from .entry import Source as Source
from .printed import printing_kept

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
BUILTIN = "builtin"


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
    printed: what plugins wrote while they were loaded, by source.
    """

    entries: dict[str, dict[str, Entry]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    sources: list[Source] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    left_out: list[Source] = field(default_factory=list)
    claims: dict[tuple[str, str], list[Source]] = field(default_factory=dict)
    printed: dict[str, str] = field(default_factory=dict)
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
        source = Source(one_line(path.stem), str(path), "file")
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
    return Source(one_line(point.name, 80), one_line(name or UNKNOWN, 80), one_line(version or UNKNOWN, 40))


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
    with printing_kept() as printed:
        _add_silently(installed, source, load)
    if printed.count:
        installed.printed[str(source)] = str(printed)


def _add_silently(installed: Installed, source: Source, load: Callable[[], Any]) -> None:
    try:
        module = load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too, and whatever else a plugin may throw
        reason = f"importing it must succeed, got {told(error)}."
        installed.broken.append(Broken(source, reason, traceback.format_exc()))
        return
    refusal = refuse_module(installed.manager, str(source), module)
    if refusal is not None:
        installed.broken.append(Broken(source, harmless(refusal)))
        return
    taken: list[Entry] = []
    try:
        for kind in KINDS:
            for impl in getattr(installed.manager.hook, f"advbench_register_{kind}s").get_hookimpls():
                if impl.plugin is module:
                    impl.function(*(_Collector(kind, source, taken) for _ in impl.argnames))
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        installed.manager.unregister(module)  # none of its hooks may be called
        reason = told(error) if isinstance(error, PluginError) else f"registering must succeed, got {told(error)}."
        installed.broken.append(Broken(source, reason, traceback.format_exc()))
        return
    installed.sources.append(source)
    for entry in taken:
        _enter(installed, entry)


class _Collector:
    """The `register` handed to one plugin's hook."""

    def __init__(self, kind: str, source: Source, taken: list[Entry]) -> None:
        self.kind, self.source, self.taken = kind, source, taken

    def __call__(self, spec: Spec, target: str | type) -> None:
        self._take(spec, target, family=False)

    def family(self, spec: Spec, target: str | type) -> None:
        self._take(spec, target, family=True)

    def _take(self, spec: Spec, target: str | type, family: bool) -> None:
        check_component(self.kind, KINDS[self.kind], spec, target)
        self.taken.append(Entry(self.kind, spec, target, self.source, family))


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
