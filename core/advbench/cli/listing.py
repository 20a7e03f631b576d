"""`advbench list [KIND]`: what is installed, and what could be."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from ..catalog.plugins import KINDS, Entry
from ..catalog.registry import Registry
from ..catalog.resolve import Resolver
from ..contract.errors import RequestError, did_you_mean
from ..contract.texts import one_line
from .console import PluginFiles, escape, out, resolver, tell_broken, verb


@verb
def list_(
    kind: Annotated[str | None, typer.Argument(help=f"One of {', '.join(f'{k}s' for k in KINDS)}, suites.")] = None,
    plugin: PluginFiles = None,
) -> None:
    """Show what is installed, one line each."""
    found = resolver(plugin)
    wanted = _kinds(kind)
    for one in wanted:
        if one == "suite":
            _suites(found.registry)
        elif found.installed.entries[one] or kind is not None:
            _components(one, found)
    tell_broken(found.installed)
    out.print("Details: [bold]advbench show KIND NAME[/]", style="dim")


def _kinds(kind: str | None) -> list[str]:
    known = [*KINDS, "suite"]
    if kind is None:
        return known
    singular = kind.lower().removesuffix("s")
    if singular not in known:
        raise RequestError(f"list: there is no kind '{kind}'. {did_you_mean(singular, known)}")
    return [singular]


def _components(kind: str, found: Resolver) -> None:
    table = Table(title=f"{kind}s", title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    table.add_column("name", style="bold", no_wrap=True)
    table.add_column("", no_wrap=True, style="cyan")
    table.add_column("what it does")
    table.add_column("from", style="dim", no_wrap=True)
    entries = found.installed.entries[kind]
    for entry in sorted(entries.values(), key=lambda entry: str(entry.spec.name)):
        summary, dist = one_line(entry.spec.summary), one_line(entry.source.dist)
        table.add_row(entry.spec.name, escape(traits(entry)), escape(summary), escape(dist))
    for name, dist in _absent(kind, found):
        table.add_row(f"[dim]{name}[/]", "", f"[dim]not installed: pip install {dist}[/]", "")
    out.print(table)
    out.print()


def traits(entry: Entry) -> str:
    """The few words that decide whether a component is of use."""
    spec: Any = entry.spec
    match entry.kind:
        case "attack":
            return f"{spec.needs.word}; {'/'.join(sorted(spec.norms)) if len(spec.norms) < 5 else 'any norm'}"
        case "defense":
            return {"none": "own network", "architecture": "trains a model", "trained": "wraps a model"}[str(spec.base)]
        case "dataset":
            return str(spec.modality)
        case "metric":
            return str(spec.unit)
        case _:
            return ""


def _absent(kind: str, found: Resolver) -> list[tuple[str, str]]:
    installed = found.installed.entries[kind]
    return [
        (name, str(plugin["dist"]))
        for plugin in found.registry.plugins.values()
        for name in plugin.get(f"{kind}s", ())
        if name not in installed
    ]


def _suites(registry: Registry) -> None:
    table = Table(title="suites", title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    table.add_column("name", style="bold", no_wrap=True)
    table.add_column("what it runs")
    for suite in registry.suites.values():
        table.add_row(suite.name, escape(suite.summary))
    out.print(table)
    out.print()
