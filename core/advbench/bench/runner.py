"""Runs a plan: hands its cells to an engine's crew, one after the other, and resumes what was begun."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Any

from ..catalog.plugins import Installed
from ..contract.engines import Answer, Crew, Engine, Setup, Task, Trouble
from ..contract.errors import EmptySelection
from ..records.writer import ReportWriter
from .cellrun import CellRun, House
from .eligible import Right, asked_for, restricted
from .foreman import Foreman
from .notes import Notes
from .plan import Cell, Plan
from .request import Eligible, Request
from .rows import run_end, run_entry
from .scoring import score_cells
from .trainings import Trainings
from .watcher import Tally, Watcher
from .work import Ready, Worker


def run(plan: Plan, request: Request, installed: Installed, watcher: Watcher) -> Tally:
    """Carry out every cell of the plan that is not done yet.

    One cell's failure leaves the others alone; its traceback is kept in the report. Ctrl-C ends
    the run with everything finished kept. Raises ReportError if the report cannot be written, and
    RequestError if the plan's engine can have no crew.
    """
    with ReportWriter.open(request.out) as writer:
        entry = run_entry(plan, request, installed)
        index = writer.append_run(entry)
        runner = _Runner(plan, request, installed, watcher, writer, index)
        watcher.planned(plan)
        try:
            with closing(_crew(plan, request, installed)) as crew:
                runner.work(crew, lambda: writer.update_run(index, entry | runner.planned()))
        except EmptySelection:
            writer.update_run(index, entry | run_end(runner.tally))
            raise
        except KeyboardInterrupt:
            runner.tally.interrupted = True
        for text in writer.damaged:
            watcher.note(text)
        runner.score()
        writer.compact()
        writer.update_run(index, entry | runner.planned() | run_end(runner.tally))
        return runner.tally


def _crew(plan: Plan, request: Request, installed: Installed) -> Crew:
    engine: Engine = plan.engine.instance
    files = tuple(source.dist for source in installed.sources if source.version == "file")
    return engine.crew(Setup(request=request, files=files), lambda: Worker(plan, request, installed))


class _Runner:
    def __init__(
        self, plan: Plan, request: Request, installed: Installed, watcher: Watcher, writer: ReportWriter, index: int
    ) -> None:
        self.plan, self.request, self.watcher, self.writer, self.index = plan, request, watcher, writer, index
        self.tally = Tally()
        self.notes = Notes(watcher, self.tally)
        self.hooks = installed.manager.hook
        self.ended: list[str] = []  # cells that ended well, now or before
        self._runs: dict[int, CellRun] = {}  # cells under way, by their number

    def planned(self) -> dict[str, Any]:
        """Which cells the run holds: others than at first, once it is known which examples are eligible."""
        return {"cells": [cell.cell_id for cell in self.plan.cells]}

    def work(self, crew: Crew, replanned: Callable[[], None]) -> None:
        """Open one cell after the other as the crew gets hungry, until all have ended.

        `replanned` is called when `planned` has changed.
        """
        foreman = Foreman(crew, self._heard, self.notes.add)
        trainings = Trainings(foreman, self.watcher, self.notes, self.request)
        planned = [cell.cell_id for cell in self.plan.cells]
        if self.request.eligible == Eligible.ALL_CORRECT:
            self._restrict(foreman, trainings)
            replanned()
        house = House(
            foreman=foreman, writer=self.writer, watcher=self.watcher, notes=self.notes, request=self.request,
            run=self.index, hooks=self.hooks, trainings=trainings,
        )  # fmt: skip
        for number, cell in _in_order(self.plan.cells, alone=crew.slots == 1):
            while not foreman.hungry and not self._enough():
                foreman.step()
            if self._enough():
                return
            self._runs[number] = CellRun(house, number, planned[number], cell, self._ended)
            self._runs[number].open()
        while not foreman.idle and not self._enough():
            foreman.step()

    def score(self) -> None:
        """Apply the metrics to every cell that ended well; one that fails leaves the others alone."""
        with self.notes.of_printing("metrics"):
            failed = score_cells(self.writer, self.ended, self.plan.metrics, self.request.cell_timeout)
        for text in failed:
            self.tally.unscored += 1
            self.notes.add(text)

    def _enough(self) -> bool:
        return self.request.fail_fast and bool(self.tally.failed)

    def _restrict(self, foreman: Foreman, trainings: Trainings) -> None:
        """Train everybody first, and go on with the examples that all of them get right."""
        asked = asked_for(self.plan)
        rights: list[Right | None] = [None] * len(asked)

        def answered(place: int, found: Right | None, failed: Trouble | None) -> None:
            rights[place] = found
            if failed is not None:
                who = asked[place][1].opponent.text
                self.notes.add(f"{who} has no say in which examples are eligible, for it failed: {failed.reason}")

        def heard(place: int, answer: Answer) -> None:
            self.notes.all(answer.notes)
            answered(place, answer.found, answer.trouble)

        def trained(place: int, task: Task, outcome: Ready | Trouble) -> None:
            if isinstance(outcome, Trouble):
                answered(place, None, outcome)
            else:
                foreman.ask(task, functools.partial(heard, place))

        for place, (number, cell) in enumerate(asked):
            planned, positions = self.plan.cells[number].cell_id, cell.data.positions
            task = Task(
                what="right", cell=number, cell_id=planned, positions=positions, needs=trainings.keys(cell)
            )  # fmt: skip
            trainings.ready(cell, task, functools.partial(trained, place, task))
        while not foreman.idle:
            foreman.step()
        self.plan = restricted(self.plan, self.request, rights, self.notes.add)

    def _heard(self, task: Task, what: str, values: tuple[Any, ...]) -> None:
        if what == "queries":
            self.watcher.queries(self.plan.cells[task.cell], *values)
        elif what == "training":
            self.watcher.training(*values)

    def _ended(self, run: CellRun, how: str, detail: str) -> None:
        """A cell's end: ok, cached, refused or failed."""
        setattr(self.tally, how, getattr(self.tally, how) + 1)
        if how in ("ok", "cached"):
            self.ended.append(run.cell.cell_id)
        self.watcher.cell_ended(run.cell, how, detail)
        self._runs.pop(run.number, None)


def _in_order(cells: tuple[Cell, ...], alone: bool) -> Iterable[tuple[int, Cell]]:
    """As planned for a single worker; else long ones first, so that no worker is left with one at the end."""
    return enumerate(cells) if alone else sorted(enumerate(cells), key=lambda pair: -most_queries(pair[1]))


def most_queries(cell: Cell) -> float:
    """That its attack may ask, over all its examples; gradients count as the two or three passes that they cost."""
    limit, gradients = cell.threat.max_queries, cell.threat.max_gradients
    if cell.attack_facts.needs.word == "gradients" and gradients is not None:
        limit = 3 * gradients + (limit or 0)
    return len(cell.data.positions) * float("inf" if limit is None else limit)
