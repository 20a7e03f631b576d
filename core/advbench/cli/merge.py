"""`advbench merge REPORT... --out OUT`: several reports as one."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from .console import err, escape, out, verb

_FIRST, _PATIENCE = 2.0, 10.0  # seconds until the first line about the work, and between two later ones


@verb
def merge(
    reports: Annotated[list[Path], typer.Argument(help="Report folders; they stay as they are.")],
    into: Annotated[
        Path, typer.Option("--out", "-o", envvar="ADVBENCH_OUT", help="A new folder, or a report that grows.")
    ],
) -> None:
    """Merge reports into one: cells of all, each once, with the examples that any of them judged."""
    from ..records.union import unite

    found = unite(reports, into, _Progress())
    for text in found.told:
        err.print(f"[yellow]note:[/] {escape(text)}", soft_wrap=True)
    if found.unscored:
        err.print(
            f"[yellow]note:[/] {found.unscored} cells have examples of several reports, and no scores yet: "
            f"run `advbench rescore {escape(into)}`.",
            soft_wrap=True,
        )
    out.print(
        f"{found.cells:,} cells with {found.rows:,} rows of {len(reports)} reports are in {escape(into)}",
        soft_wrap=True,
    )


class _Progress:
    """A line on standard error now and then, none where the work is short."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _FIRST

    def __call__(self, done: int, of: int) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _PATIENCE
            err.print(f"[dim]{done:,} of {of:,} cells merged[/]")
