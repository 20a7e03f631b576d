"""What a run looks like while it runs: live bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from ..bench.plan import Cell, Plan
from ..bench.watcher import Watcher
from ..contract.texts import one_line
from .console import escape, keeping_its_stream

_LONGEST_NOTE = 600  # characters
_PATIENCE = 10.0  # seconds between two plain lines about the same work


class RunWatcher(Watcher):
    """Counts what both ways of showing need."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.counts = {"ok": 0, "cached": 0, "refused": 0, "failed": 0}
        self.total = 0
        self.asked = 0
        self._attacking_since = time.monotonic()
        self._done = self._of = self._asked_since = 0
        self._budget: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def planned(self, plan: Plan) -> None:
        self.total = len(plan.cells)
        for name, value in plan.settled:
            self.console.print(f"[dim]{name:>9}[/]  {escape(value)}", soft_wrap=True)

    def note(self, text: str) -> None:
        short = one_line(text)
        more = "" if len(short) <= _LONGEST_NOTE else "… (more in run.json)"
        self.console.print(f"[yellow]note:[/] {escape(short[:_LONGEST_NOTE])}{more}", soft_wrap=True)

    def trained(self, name: str, seconds: float, cached: bool) -> None:
        how = "trained before, loaded from the cache" if cached else f"trained in {_time(seconds)}"
        self.console.print(f"[cyan]{escape(name)}[/] {how}", soft_wrap=True)

    def cell_started(self, cell: Cell, examples: int, done: int) -> None:
        self.asked, self._attacking_since = 0, time.monotonic()
        self._done, self._of, self._asked_since = done, examples, 0
        self._budget = cell.threat.max_queries
        if done:
            self.note(f"{cell.text}: {done} of {examples} examples were judged before; going on from there.")

    def queries(self, asked: int) -> None:
        self.asked += asked
        self._asked_since += asked

    def judged(self, examples: int) -> None:
        self._done, self._asked_since = self._done + examples, 0

    @property
    def progress(self) -> float:
        """Examples done, those under way counted by the share of their budget that is spent."""
        under_way = self._asked_since / self._budget if self._budget else 0.0
        return min(self._done + under_way, self._of)

    def cell_ended(self, cell: Cell, how: str, detail: str = "") -> None:
        self.counts[how] += 1
        color = {"ok": "green", "cached": "dim", "refused": "yellow", "failed": "red"}[how]
        seconds = time.monotonic() - self._attacking_since
        told = f"{_time(seconds)}, {self.asked:,} queries" if how == "ok" else escape(detail)
        done = sum(self.counts.values())
        line = f"[{color}]{how:>7}[/] {done}/{self.total}  {escape(cell.text)}" + (f"  [dim]{told}[/]" if told else "")
        self.console.print(line, soft_wrap=True)

    @property
    def rate(self) -> str:
        """Queries per second of the cell under way."""
        seconds = time.monotonic() - self._attacking_since
        return f"{self.asked / seconds:,.0f} queries/s" if seconds > 0 and self.asked else ""

    @property
    def summary(self) -> str:
        """`cells 3/6, 1 cached`."""
        parts = [f"{count} {how}" for how, count in self.counts.items() if count and how != "ok"]
        return ", ".join([f"cells {sum(self.counts.values())}/{self.total}", *parts])


class LiveWatcher(RunWatcher):
    """Two bars at the bottom of a terminal; finished work scrolls away above them."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(),
            TextColumn("[dim]{task.fields[more]}"), TimeRemainingColumn(compact=True),
            console=console, transient=True,
        )  # fmt: skip
        self._task: TaskID | None = None
        self._cells: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def planned(self, plan: Plan) -> None:
        super().planned(plan)
        self._cells = self._progress.add_task("all cells", total=len(plan.cells), more="")

    def training(self, name: str, done: int, total: int) -> None:
        task = self._work(f"training {name}", total)
        self._progress.update(task, completed=done)

    def trained(self, name: str, seconds: float, cached: bool) -> None:
        self._end_work()
        super().trained(name, seconds, cached)

    def cell_started(self, cell: Cell, examples: int, done: int) -> None:
        super().cell_started(cell, examples, done)
        self._end_work()
        self._progress.update(self._work(f"{cell.attack.text} × {cell.opponent.text}", examples), completed=done)

    def queries(self, asked: int) -> None:
        super().queries(asked)
        self._show()

    def judged(self, examples: int) -> None:
        super().judged(examples)
        self._show()

    def _show(self) -> None:
        if self._task is not None:
            self._progress.update(self._task, completed=int(self.progress), more=self.rate)

    def cell_ended(self, cell: Cell, how: str, detail: str = "") -> None:
        self._end_work()
        super().cell_ended(cell, how, detail)
        if self._cells is not None:
            self._progress.update(self._cells, advance=1, more=self.summary)

    def _work(self, name: str, total: int) -> TaskID:
        if self._task is None:
            short = name if len(name) <= 44 else f"{name[:43]}…"
            self._task = self._progress.add_task(escape(short), total=total, more="")
        return self._task

    def _end_work(self) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None


class PlainWatcher(RunWatcher):
    """One line per event, and one every ten seconds during long work."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._last = time.monotonic()
        self._begun = self._last

    def training(self, name: str, done: int, total: int) -> None:
        self._tell(f"training {name}", done, total)

    def cell_started(self, cell: Cell, examples: int, done: int) -> None:
        super().cell_started(cell, examples, done)
        self._last = self._begun = time.monotonic()

    def queries(self, asked: int) -> None:
        super().queries(asked)
        self._tell(f"attacking, {self.rate}", int(self.progress), self._of)

    def _tell(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._last >= _PATIENCE:
            self._last = now
            left = f", about {_time((now - self._begun) * (total - done) / done)} left" if done else ""
            self.console.print(f"        … {escape(what)}: {done}/{total}{left}", soft_wrap=True)


def watcher(console: Console) -> RunWatcher:
    """The live one where somebody can see it move."""
    kept = keeping_its_stream(console)
    return LiveWatcher(kept) if kept.is_terminal else PlainWatcher(kept)


def _time(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
