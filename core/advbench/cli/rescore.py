"""`advbench rescore REPORT`: metrics again, from stored rows."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .console import PluginFiles, out, resolver, verb


class Eligible(StrEnum):
    """Which examples count."""

    ALL_CORRECT = "all-correct"


@verb
def rescore(
    report: Annotated[Path, typer.Argument(help="The report folder.")] = Path("reports/main"),
    metric: Annotated[
        list[str] | None, typer.Option("--metric", envvar="ADVBENCH_METRIC", help="A metric; may repeat. All if none.")
    ] = None,
    eligible: Annotated[
        Eligible | None,
        typer.Option("--eligible", envvar="ADVBENCH_ELIGIBLE", help="Only examples that every contender gets right."),
    ] = None,
    plugin: PluginFiles = None,
) -> None:
    """Compute metrics again and store them in the report. Attacks nothing, needs no torch."""
    from ..records.reader import Report
    from ..records.writer import ReportWriter
    from ..report.rescore import rescore as compute

    found = resolver(plugin)
    names = tuple(metric) if metric else tuple(found.installed.entries["metric"])
    metrics = {component.text: component.instance for component in found.many("metric", names)}
    Report.open(report)  # a writer would create what is not there
    with ReportWriter.open(report) as writer:
        scores = compute(Report.open(report), metrics, "all-correct" if eligible else None)
        by_cell: dict[str, list[dict[str, object]]] = {}
        for score in scores:
            by_cell.setdefault(str(score["cell_id"]), []).append(score)
        for cell_id, rows in by_cell.items():
            writer.write_scores(cell_id, rows)
        writer.compact()
    out.print(f"{len(scores)} scores of {len(by_cell)} cells written to {report}/scores.parquet")
