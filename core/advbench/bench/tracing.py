"""Attacks on one example once more, apart from the run and its report, to be told step by step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..catalog.plugins import Installed
from ..contract.engines import Task, Trouble
from ..contract.errors import RequestError
from ..contract.protocols import Examples
from .plan import Cell, Plan
from .request import Request
from .work import Worker


@dataclass(frozen=True)
class Story:
    """How one cell's attack on the example went. rows: its verdicts, one for each target; trouble: what ended it."""

    cell: Cell
    lines: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]
    trouble: Trouble | None


def check_traced(plan: Plan, example: int) -> None:
    """Raise RequestError unless some cell attacks that example."""
    if all(_place(cell, example) is None for cell in plan.runnable):
        ids = sorted({one for cell in plan.runnable for one in _ids(cell)})
        shown = ", ".join(map(str, ids[:10])) + (f", … {ids[-1]}" if len(ids) > 10 else "")
        raise RequestError(
            f"run: --trace-example must be the id of a selected example ({shown or 'none is'}), got {example}."
            f" Select it with --select ids={example}, or raise -n."
        )


def stories(plan: Plan, request: Request, installed: Installed, example: int) -> Iterator[Story]:
    """Each cell's attack on the example, with the draws that it has in the run. Nothing is stored or counted."""
    worker = Worker(plan, request, installed)
    for number, cell in enumerate(plan.cells):
        at = None if cell.refused else _place(cell, example)
        if at is None:
            continue
        lines: list[str] = []

        def hear(what: str, *values: Any, lines: list[str] = lines) -> None:
            if what == "said":
                lines.append(values[0])

        task = Task(what="tell", cell=number, cell_id=cell.cell_id, positions=(at,))
        answer = worker.carry_out(task, hear)
        yield Story(cell, tuple(lines), answer.found or (), answer.trouble)


def _place(cell: Cell, example: int) -> int | None:
    """Where in the eval split the example is; None: it is not selected."""
    ids = _ids(cell)
    return cell.data.positions[ids.index(example)] if example in ids else None


def _ids(cell: Cell) -> list[int]:
    data = cell.data
    load = data.component.instance.load
    ids: list[int] = data.component.ask("load", lambda: load("eval", data.positions), Examples).ids.tolist()
    return ids
