"""What `run --trace-example ID` tells: one example's attack, step by step."""

from __future__ import annotations

from typing import Any

from ..bench.plan import Plan
from ..bench.request import Request
from ..bench.tracing import stories
from ..catalog.plugins import Installed
from .console import err, escape, out


def tell_stories(plan: Plan, request: Request, installed: Installed, example: int) -> None:
    """Every cell's attack on it, on standard output. They are made again for this, and neither stored nor counted."""
    for story in stories(plan, request, installed, example):
        out.print(f"\n[bold]example {example}: {escape(story.cell.text)}[/]", soft_wrap=True)
        for line in story.lines:
            out.print(escape(line), soft_wrap=True)
        for row in story.rows:
            out.print(_end(row, str(story.cell.threat.norm)), soft_wrap=True)
        if story.trouble is not None:
            err.print(f"[red]failed:[/] {escape(story.trouble.reason)}", soft_wrap=True)


def _end(row: dict[str, Any], norm: str) -> str:
    if row["verdict"] == "skipped":
        return f"not attacked: the contender answers {row['clean_label']} already, right would be {row['label']}"
    facts = [f"label {row['clean_label']} → {row['adv_label']}", f"{row['queries']:,} queries"]
    facts += [f"{row['gradients']:,} gradients"] if row["gradients"] else []
    facts += [f"{norm} {row[norm]:.6g}"] if row[norm] is not None else []
    aim = "" if row["target"] is None else f"target {row['target']}: "
    return f"{aim}[bold]{row['verdict']}[/] ({row['stop_reason']}): {', '.join(facts)}"
