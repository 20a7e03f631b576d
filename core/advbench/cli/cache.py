"""`advbench cache`: trained contenders on disk."""

from __future__ import annotations

import datetime
from typing import Annotated

import typer
from rich.table import Table

from ..contract.errors import RequestError
from .console import escape, out, verb

app = typer.Typer(help="Trained contenders kept for reuse.", no_args_is_help=True)


@app.command("ls")
@verb
def ls() -> None:
    """List what is kept, most recently used first."""
    from ..bench.cache import ContenderCache

    cache = ContenderCache()
    entries = list(cache.entries())
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("contender", "size", "last used", "key"):
        table.add_column(title, no_wrap=title != "contender", justify="right" if title == "size" else "left")
    for entry in entries:
        used = datetime.datetime.fromtimestamp(entry.used).strftime("%Y-%m-%d %H:%M")
        table.add_row(escape(entry.about), _size(entry.size), used, escape(entry.key))
    if entries:
        out.print(table)
    out.print(f"{len(entries)} kept, {_size(sum(entry.size for entry in entries))}, in {escape(cache.root)}")


@app.command("prune")
@verb
def prune(
    older_than: Annotated[float, typer.Option("--older-than", help="Days unused; 0 removes all.")] = 30.0,
) -> None:
    """Remove contenders that have not been used for a while. Fetched data stay: see `advbench data`."""
    if older_than < 0:
        raise RequestError(f"cache prune: --older-than must be >= 0, got {older_than:g}. Use 0 to remove all.")
    from ..bench.cache import ContenderCache

    gone = ContenderCache().prune(older_than)
    out.print(f"removed {len(gone)}, {_size(sum(entry.size for entry in gone))}")


def _size(size: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
