"""`advbench rescore REPORT`: metrics again, from stored rows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..bench.request import Eligible
from ..catalog.printed import printing_kept
from .console import PluginFiles, err, escape, out, resolver, verb


@verb
def rescore(
    report: Annotated[Path, typer.Argument(help="The report folder.")] = Path("reports/main"),
    metric: Annotated[
        list[str] | None, typer.Option("--metric", envvar="ADVBENCH_METRIC", help="A metric; may repeat. All if none.")
    ] = None,
    eligible: Annotated[
        Eligible,
        typer.Option(
            "--eligible",
            envvar="ADVBENCH_ELIGIBLE",
            help="all-correct: only examples that every contender gets right.",
            show_default=False,
        ),
    ] = Eligible.CLEAN_CORRECT,
    plugin: PluginFiles = None,
) -> None:
    """Compute metrics again and store them in the report. Attacks nothing, needs no torch."""
    from ..bench.scoring import tell_failed
    from ..records.reader import Report
    from ..records.writer import ReportWriter
    from ..report.rescore import rescore as compute

    found = resolver(plugin)
    names = tuple(metric) if metric else tuple(found.installed.entries["metric"])
    metrics = found.many("metric", names)
    Report.open(report)  # a writer would create what is not there
    with ReportWriter.open(report) as writer:
        with printing_kept():
            instances = {metric.text: metric.instance for metric in metrics}
            scores, failed = compute(Report.open(report), instances, eligible)
        writer.compact(scores)
    cells = len({score["cell_id"] for score in scores})
    out.print(f"{len(scores)} scores of {cells} cells written to {escape(report)}/scores.parquet")
    for text in tell_failed(failed, metrics):
        err.print(f"[red]failed:[/] {escape(text)}", soft_wrap=True)
    if failed:
        raise typer.Exit(1)
