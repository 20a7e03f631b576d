"""`advbench plugins list`: provenance, and what is wrong."""

from __future__ import annotations

import typer
from rich.table import Table

from ..catalog.plugins import Installed, Source
from . import plugins_check, plugins_new
from .console import PluginFiles, escape, out, resolver, verb

app = typer.Typer(help="Where components come from.", no_args_is_help=True)
app.command("check")(plugins_check.check)
app.command("new")(plugins_new.new)


@app.command("list")
@verb
def list_(plugin: PluginFiles = None) -> None:
    """Show every plugin found, what it registers, and why a broken one is broken."""
    installed = resolver(plugin).installed
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("plugin", "distribution", "version", "registers"):
        table.add_column(title, no_wrap=title != "registers")
    for source in installed.sources:
        name = f"[bold]{escape(source.plugin)}[/]"
        table.add_row(name, escape(source.dist), escape(source.version), _offers(installed, source))
    for broken in installed.broken:
        source = broken.source
        table.add_row(
            f"[bold red]{escape(source.plugin)}[/]", escape(source.dist), escape(source.version),
            f"[red]broken:[/] {escape(broken.reason)}",
        )  # fmt: skip
    out.print(table)


def _offers(installed: Installed, source: Source) -> str:
    groups = []
    for kind, entries in installed.entries.items():
        names = sorted(str(entry.spec.name) for entry in entries.values() if entry.source == source)
        if names:
            groups.append(f"{kind}s: {', '.join(names)}")
    return escape("; ".join(groups))


@app.callback()
def _root() -> None:
    pass
