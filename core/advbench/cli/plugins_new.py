"""`advbench plugins new NAME`: an attack of one's own that works, to be changed."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from ..catalog.template import make_plugin, renamed
from .console import escape, out, resolver, verb


@verb
def new(
    name: Annotated[str, typer.Argument(help="Of the attack, as one will type it: lower-case words joined by '-'.")],
    into: Annotated[
        Path | None, typer.Option(help="Folder to make; by default ./advbench-NAME.", metavar="FOLDER")
    ] = None,
) -> None:
    """Make a distribution with an attack that works and passes every check, ready to be changed."""
    folder = Path(f"advbench-{name}") if into is None else into
    make_plugin(name, folder, resolver(None))
    place = str(folder) if folder.is_absolute() else os.path.join(".", folder)
    out.print(f"[bold]advbench-{name}[/] is in {escape(place)}", soft_wrap=True)
    out.print(f"It holds a random walk under the name '{name}'. Make it yours:", soft_wrap=True)
    out.print(f"  {renamed('advbench_example/__init__.py', name)}  what it is", soft_wrap=True)
    out.print(f"  {renamed('advbench_example/attack.py', name)}    what it does", soft_wrap=True)
    out.print("Try it as it stands:")
    for command in (
        f"pip install -e {shlex.quote(place)}",
        f"advbench plugins check {name}",
        f"advbench run --model mlp --attack random-noise --attack {name}",
    ):
        out.print(f"  [bold]{escape(command)}[/]", soft_wrap=True)
