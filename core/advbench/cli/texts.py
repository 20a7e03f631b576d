"""`advbench texts REPORT`: what was attacked and what became of it, with the changes marked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..contract.types import Verdict
from .console import escape, out, verb

if TYPE_CHECKING:
    from ..records.texts import Key

_LONGEST = 20_000  # characters that are compared: beyond, made-up texts could take hours
_MARKS = {"same": "{}", "gone": "[red][-{}-][/]", "new": "[green]{{+{}+}}[/]"}


@verb
def texts(
    report: Annotated[Path, typer.Argument(help="The report folder.")] = Path("reports/main"),
    n: Annotated[int, typer.Option("--n", "-n", min=1, help="Texts of each cell.")] = 10,
    verdict: Annotated[Verdict, typer.Option("--verdict", help="Which ones.")] = Verdict.BROKEN,
    whole: Annotated[bool, typer.Option("--whole", help="Leave nothing out of long texts.")] = False,
) -> None:
    """Show texts before and after: [-what went-]{+what came+}. They are kept by run --save-adversarials."""
    from ..contract.errors import ReportError
    from ..records.reader import Report
    from ..records.texts import stored_texts
    from ..report.labels import Labels

    opened = Report.open(report)
    cells = [cell for cell in opened.cells.to_pylist() if cell["status"] == "ok"]
    kept = {cell["cell_id"]: stored_texts(report, cell["cell_id"]) for cell in cells}
    if not any(kept.values()):
        hint = "Run with --save-adversarials (and --force) on a data set of texts."
        raise ReportError(f"report {report}: it must hold texts, got none. {hint}")
    rows = [row for row in opened.examples.to_pylist() if row["verdict"] == verdict.value]
    labels = Labels(cells)
    for cell in cells:
        own = [row for row in rows if row["cell_id"] == cell["cell_id"] and _key(row) in kept[cell["cell_id"]]]
        if kept[cell["cell_id"]]:
            title = f"{labels.attack(cell)} against {labels.contender(cell)} on {labels.dataset(cell)}"
            out.print(f"[bold]{escape(title)}[/]: {len(own)} {verdict.value}", soft_wrap=True)
        for row in own[:n]:
            _show(row, *kept[cell["cell_id"]][_key(row)], whole)


def _key(row: dict[str, Any]) -> Key:
    return row["example_id"], row["target"]


def _show(row: dict[str, Any], before: str, after: str, whole: bool) -> None:
    from ..report.changes import changes, shortened

    likeness = "" if row["similarity"] is None else f", similarity {row['similarity']:.3f}"
    moved = "" if row["words"] is None else f", {row['words']:.1%} of words"
    facts = f"{row['clean_label']} → {row['adv_label']}{moved}{likeness}, {row['queries']} queries"
    found = changes(before[:_LONGEST], after[:_LONGEST])
    text = "".join(_MARKS[kind].format(escape(part)) for kind, part in (found if whole else shortened(found)))
    out.print(f"[dim]{row['example_id']}[/] {facts}\n  {text}", soft_wrap=True)
