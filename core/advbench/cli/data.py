"""`advbench data`: what data there is, whether it is here, and how to get it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ..catalog.grammar import parse
from ..catalog.resolve import Component, Resolver
from ..contract.errors import AdvbenchError, DataAbsent, DataError, RequestError
from ..contract.facts import DatasetFacts
from ..contract.texts import one_line
from .console import PluginFiles, err, escape, out, resolver, tell_broken, verb
from .needs import fetch_one, supply_of

if TYPE_CHECKING:
    from ..supply.supplies import Supply

app = typer.Typer(help="Data sets and other things from outside.", no_args_is_help=True)
_KINDS = ("dataset", "encoder", "attack", "defense", "model")  # where a name is looked for
Names = Annotated[list[str], typer.Argument(help="As listed by `advbench data list`, as ucr:ECG5000.")]


@app.command("list")
@verb
def list_(plugin: PluginFiles = None) -> None:
    """Show every data set and encoder: what it holds, under which license, whether it is here, and how to get it."""
    found = resolver(plugin)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("name", "kind", "examples", "classes", "license", "here", "data fetch NAME …"):
        right = title in ("examples", "classes")
        table.add_column(title, no_wrap=title in ("name", "here"), justify="right" if right else "left")
    fetched = _fetched()
    for name in sorted(found.installed.entries["dataset"]):
        table.add_row(*_row(found, name, fetched))
    for name in sorted(found.installed.entries["encoder"]):
        table.add_row(*_encoder_row(found, name, fetched))
    out.print(table)
    tell_broken(found.installed)


def _row(found: Resolver, name: str, fetched: dict[str, bool]) -> list[str]:
    spec = found.installed.entries["dataset"][name].spec
    size = classes = "?"
    try:
        component = found.one("dataset", name)
        facts = component.ask("facts", component.instance.facts, DatasetFacts)
        size = f"{sum(facts.sizes.values()):,}" if facts.sizes else size
        classes = str(facts.classes) if facts.classes else classes
        here, how = _presence(component, fetched)
    except DataAbsent:  # its parameters must name the data
        here, how = "yours", f"write {escape(name)}:PATH"
    except AdvbenchError as error:
        here, how = "[red]fails[/]", escape(one_line(error, 200))
    return [f"[bold]{escape(name)}[/]", str(spec.modality), size, classes, escape(spec.license), here, how]


def _encoder_row(found: Resolver, name: str, fetched: dict[str, bool]) -> list[str]:
    terms = ""
    try:
        component = found.one("encoder", name)
        supply = supply_of(component.instance)
        terms = supply.resource.license if supply else ""
        here, how = _presence(component, fetched)
    except AdvbenchError as error:
        here, how = "[red]fails[/]", escape(one_line(error, 200))
    return [f"[bold]{escape(name)}[/]", "encoder", "", "", escape(terms), here, how]


def _presence(component: Component, fetched: dict[str, bool]) -> tuple[str, str]:
    supply = supply_of(component.instance)
    if supply is None:
        return "[green]bundled[/]", ""
    name, resource = component.name, supply.resource
    several = {one.partition(":")[2]: whole for one, whole in fetched.items() if one.startswith(f"{name}:")}
    if several:
        told = ", ".join(one if whole else f"{one} (damaged: --again)" for one, whole in several.items())
        return "[green]yes[/]" if all(several.values()) else "[red]damaged[/]", escape(told)
    try:
        if supply.find() is not None:
            return "[green]yes[/]", ""
    except DataError:
        return "[red]damaged[/]", "--again"
    if resource.sources:
        return "no", f"({resource.size / 1e6:.0f} MB)"
    return "no", "--path FOLDER"


@app.command("fetch")
@verb
def fetch(
    names: Names,
    path: Annotated[Path | None, typer.Option("--path", help="Folder or archive that you already have.")] = None,
    offline: Annotated[
        bool,
        typer.Option(
            "--offline", envvar="ADVBENCH_OFFLINE", show_envvar=False, help="Ask nobody; use what is on this machine."
        ),
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="Even if it is here.")] = False,
    any_version: Annotated[
        bool, typer.Option("--any-version", help="Accept a folder whose contents are not those published.")
    ] = False,
    plugin: PluginFiles = None,
) -> None:
    """Get data once, check it, and keep it ready: from your folder, its authors, or a package mirror."""
    found = resolver(plugin)
    supplies = [_supply(found, name) for name in names]
    if path is not None and len([one for one in supplies if one]) > 1:
        raise RequestError(f"data fetch: --path must go with one name, got {len(names)}. Fetch them one by one.")
    if path is not None and not path.exists():
        raise RequestError(f"data fetch: --path must exist, got {path}. Name the folder with the files.")
    failed = 0
    for name, supply in zip(names, supplies, strict=True):
        if supply is None:
            out.print(f"{escape(name)}: nothing to fetch, it comes with its plugin")
            continue
        try:
            fetch_one(supply, path, offline, again, any_version)
        except DataError as error:
            if len(names) == 1:
                raise
            failed += 1
            err.print(f"[bold red]error:[/] {escape(str(error))}", soft_wrap=True)
    if failed:
        raise DataError(f"data fetch: all must be had, got {len(names) - failed} of {len(names)}. See above.")


@app.command("path")
@verb
def path_(names: Names, plugin: PluginFiles = None) -> None:
    """Print the folder of what was fetched."""
    found = resolver(plugin)
    for supply in _needed(found, names):
        out.print(escape(supply.open().folder), soft_wrap=True)


@app.command("verify")
@verb
def verify(
    names: Annotated[list[str] | None, typer.Argument(help="All data sets that are here, if none.")] = None,
    plugin: PluginFiles = None,
) -> None:
    """Read everything again and compare it with its checksums."""
    found = resolver(plugin)
    wrong, wanted = 0, names or list(_fetched())
    if not wanted:
        out.print("nothing was fetched yet; see: advbench data list")
    for spelling in wanted:
        flaws = _flaws(found, spelling)
        wrong += bool(flaws)
        told = f"[red]{escape('; '.join(flaws))}[/]" if flaws else "[green]whole[/]"
        out.print(f"{escape(spelling)}: {told}", soft_wrap=True)
    if wrong:
        raise DataError(f"data verify: all must match their checksums, got {wrong} that do not. Fetch with --again.")


def _flaws(found: Resolver, spelling: str) -> list[str]:
    """What is wrong with fetched data, in words."""
    from ..supply.arrays import verify_arrays

    (supply,) = _needed(found, [spelling])
    try:
        arrays = supply.open()
    except DataError as error:
        return [str(error)]
    other = supply.digest is not None and arrays.digest != supply.digest
    return [*verify_arrays(arrays), *(["its contents are not those published"] if other else [])]


def _fetched() -> dict[str, bool]:
    """What was fetched, as it was typed, if that can still be read; and whether it is whole, as far as sizes tell."""
    from ..supply.arrays import open_arrays
    from ..supply.bounded import MIB, parse_json, read_small
    from ..supply.place import cache_folder

    found = {}
    for header in sorted((cache_folder() / "data").glob("[!.]*/header.json")):
        try:
            spelling = str(parse_json(read_small(header, 64 * MIB))["about"]["spelling"])
        except (OSError, ValueError, LookupError, TypeError):
            err.print(f"[yellow]not readable:[/] {escape(header)}. Remove its folder.", soft_wrap=True)
            continue
        try:
            found[spelling] = open_arrays(header.parent) is not None
        except DataError:
            found[spelling] = False
    return found


def _needed(found: Resolver, names: list[str]) -> Iterator[Supply]:
    for name in names:
        supply = _supply(found, name)
        if supply is None:
            raise RequestError(f"{name}: it must be fetched data, got a component that comes with its plugin.")
        yield supply


def _supply(found: Resolver, text: str) -> Supply | None:
    """What a component needs, or None. Data sets come first where a name is of several kinds."""
    name = parse(text).name
    kind = next((kind for kind in _KINDS if name in found.installed.entries[kind]), "dataset")
    return supply_of(found.one(kind, text).instance)
