"""`advbench plugins check DIST`: does a plugin keep the rules? The conformance kit, as a table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from ..catalog.resolve import Resolver
from ..contract.errors import RequestError
from .console import PluginFiles, err, escape, out, resolver, verb

if TYPE_CHECKING:
    from ..testing.findings import Finding

COLORS = {"passed": "green", "failed": "red", "excused": "yellow", "not applicable": "dim"}


@verb
def check(
    name: Annotated[str | None, typer.Argument(metavar="DIST", help="A distribution, or the name of a plugin.")] = None,
    plugin: PluginFiles = None,
    component: Annotated[
        str | None, typer.Option(help="Only this component, as in `zoo`, whatever its kind.", metavar="NAME")
    ] = None,
    only: Annotated[str | None, typer.Option(help="Only checks whose name contains this.", metavar="TEXT")] = None,
    seconds: Annotated[float, typer.Option(help="Longest time that one check may take.", min=0.1)] = 120.0,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Every check, also those that passed.")] = False,
) -> None:
    """Run the conformance kit on everything that a plugin registers. Exit code 1 if a rule is broken."""
    if name is None and not plugin:
        raise RequestError("plugins check: a distribution or --plugin FILE must be named, got neither.")
    found = list(_findings(resolver(plugin), name or _stem(plugin), component, only, seconds))
    out.print(_every(found) if verbose else _summary(found))
    for outcome in ("failed", "excused"):
        for finding in found:
            if finding.outcome == outcome and not verbose:
                color = COLORS[outcome]
                out.print(f"[{color}]{outcome}[/] [bold]{escape(finding.component)}[/] {escape(finding.check)}")
                out.print(f"  {escape(finding.text)}", soft_wrap=True)
    failed = sum(finding.outcome == "failed" for finding in found)
    if failed:
        out.print(f"[red]{failed} of {len(found)} checks failed.[/]")
        raise typer.Exit(1)
    idle = sum(finding.outcome == "not applicable" for finding in found)
    told = f"; {idle} did not apply, --verbose tells why" if idle and not verbose else ""
    out.print(f"[green]No rule is broken[/] in {len(found)} checks{told}.")


def _stem(files: list[Path] | None) -> str:
    assert files
    return files[-1].stem


def _findings(found: Resolver, name: str, component: str | None, only: str | None, seconds: float) -> Iterator[Finding]:
    """Make the checks one by one, behind a bar on standard error."""
    from ..testing.examination import entries_of, examinations, examine  # imports torch

    entries = [entry for entry in entries_of(found, name) if component in (None, entry.spec.name)]
    if not entries:
        raise RequestError(f"plugins check: {name} registers no '{component}'. Leave --component out to see all.")
    due = [(subject, one) for subject, one in examinations(iter(entries), found) if (only or "") in one.__name__]
    if not due:
        raise RequestError(f"plugins check: no check's name contains '{only}'. Leave --only out to see all.")
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("checking", total=len(due))
        for subject, one in due:
            bar.update(task, description=escape(f"{subject} {one.__name__}"))
            yield examine(subject, one, seconds)
            bar.advance(task)


def _summary(found: list[Finding]) -> Table:
    """One line per component and trial."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("component")
    for title in (*COLORS, "seconds"):
        table.add_column(title, justify="right", no_wrap=True)
    for name in dict.fromkeys(finding.component for finding in found):
        own = [finding for finding in found if finding.component == name]
        counts = [sum(finding.outcome == outcome for finding in own) for outcome in COLORS]
        cells = [f"[{color}]{count}[/]" if count else "" for color, count in zip(COLORS.values(), counts, strict=True)]
        table.add_row(f"[bold]{escape(name)}[/]", *cells, f"{sum(finding.seconds for finding in own):.1f}")
    return table


def _every(found: list[Finding]) -> Table:
    """One line per check."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("component", "check", "outcome", "seconds"):
        table.add_column(title, no_wrap=title in ("outcome", "seconds"))
    table.add_column("why", ratio=1)
    for finding in found:
        outcome = f"[{COLORS[finding.outcome]}]{finding.outcome}[/]"
        name = finding.check.removeprefix("check_").replace("_", " ")
        table.add_row(escape(finding.component), escape(name), outcome, f"{finding.seconds:.1f}", escape(finding.text))
    return table
