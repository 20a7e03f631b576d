"""What a run looks like while it runs: live bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from ..bench.plan import Cell, Plan
from ..bench.watcher import Watcher
from ..contract.texts import one_line
from .console import escape, keeping_its_stream

_LONGEST_NOTE = 600  # characters
_PATIENCE = 10.0  # seconds between two plain lines about the same work
_FAIR = 0.2  # share of the work after which its time left is told: at most four times what it took so far


@dataclass
class _UnderWay:
    """One cell that is being attacked."""

    of: int
    done: int
    budget: int | None
    since: float
    before: int  # examples that an earlier run judged
    asked: int = 0  # since it began
    fresh: int = 0  # since its last shard was judged

    @property
    def left(self) -> str:
        """Time left, once a fair share is done: before, whole budgets of examples side by side would mislead."""
        return time_left(time.monotonic() - self.since, self.progress - self.before, self.of - self.before)

    @property
    def progress(self) -> float:
        """Examples done, those under way counted by the share of their budget that is spent."""
        under_way = self.fresh / self.budget if self.budget else 0.0
        return min(self.done + under_way, self.of)

    @property
    def rate(self) -> str:
        """Queries per second."""
        seconds = time.monotonic() - self.since
        return f"{self.asked / seconds:,.0f} queries/s" if seconds > 0 and self.asked else ""


class RunWatcher(Watcher):
    """Counts what both ways of showing need."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.counts = {"ok": 0, "cached": 0, "refused": 0, "failed": 0}
        self.total = 0
        self.under_way: dict[str, _UnderWay] = {}
        self._begun: dict[str, float] = {}  # when trainings did

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
        how = "trained before, loaded from the cache" if cached else f"trained in {duration(seconds)}"
        self.console.print(f"[cyan]{escape(name)}[/] {how}", soft_wrap=True)

    def cell_started(self, cell: Cell, examples: int, done: int) -> None:
        self.under_way[cell.cell_id] = _UnderWay(examples, done, cell.threat.max_queries, time.monotonic(), done)
        if done:
            self.note(f"{cell.text}: {done} of {examples} examples were judged before; going on from there.")

    def queries(self, cell: Cell, asked: int) -> None:
        work = self.under_way.get(cell.cell_id)
        if work is not None:
            work.asked, work.fresh = work.asked + asked, work.fresh + asked

    def judged(self, cell: Cell, examples: int) -> None:
        work = self.under_way[cell.cell_id]
        budget = work.budget or 0
        # What other shards of the cell were asked meanwhile is not done yet.
        work.done, work.fresh = work.done + examples, max(0, work.fresh - budget * examples) if budget else 0

    def cell_ended(self, cell: Cell, how: str, detail: str = "") -> None:
        self.counts[how] += 1
        color = {"ok": "green", "cached": "dim", "refused": "yellow", "failed": "red"}[how]
        work = self.under_way.pop(cell.cell_id, None)
        told = escape(detail)
        if how == "ok" and work is not None:
            told = f"{duration(time.monotonic() - work.since)}, {work.asked:,} queries"
        done = sum(self.counts.values())
        line = f"[{color}]{how:>7}[/] {done}/{self.total}  {escape(cell.text)}" + (f"  [dim]{told}[/]" if told else "")
        self.console.print(line, soft_wrap=True)

    @property
    def summary(self) -> str:
        """`cells 3/6, 1 cached`."""
        parts = [f"{count} {how}" for how, count in self.counts.items() if count and how != "ok"]
        return ", ".join([f"cells {sum(self.counts.values())}/{self.total}", *parts])


class LiveWatcher(RunWatcher):
    """Bars at the bottom of a terminal; finished work scrolls away above them."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(),
            TextColumn("[dim]{task.fields[more]}"), console=console, transient=True,
        )  # fmt: skip
        self._bars: dict[str, TaskID] = {}
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
        title = f"training {name}"
        since = self._begun.setdefault(name, time.monotonic())
        left = time_left(time.monotonic() - since, done, total)
        self._progress.update(self._bar(title, title, total), completed=done, more=left)

    def trained(self, name: str, seconds: float, cached: bool) -> None:
        self._remove(f"training {name}")
        super().trained(name, seconds, cached)

    def cell_started(self, cell: Cell, examples: int, done: int) -> None:
        super().cell_started(cell, examples, done)
        self._show(cell)

    def queries(self, cell: Cell, asked: int) -> None:
        super().queries(cell, asked)
        self._show(cell)

    def judged(self, cell: Cell, examples: int) -> None:
        super().judged(cell, examples)
        self._show(cell)

    def cell_ended(self, cell: Cell, how: str, detail: str = "") -> None:
        self._remove(cell.cell_id)
        super().cell_ended(cell, how, detail)
        if self._cells is not None:
            self._progress.update(self._cells, advance=1, more=self.summary)

    def _show(self, cell: Cell) -> None:
        work = self.under_way.get(cell.cell_id)
        if work is not None:
            bar = self._bar(cell.cell_id, _title(cell), work.of)
            more = ", ".join(part for part in (work.rate, work.left) if part)
            self._progress.update(bar, completed=int(work.progress), more=more)

    def _bar(self, key: str, title: str, total: int) -> TaskID:
        if key not in self._bars:
            short = title if len(title) <= 44 else f"{title[:43]}…"
            self._bars[key] = self._progress.add_task(escape(short), total=total, more="")
        return self._bars[key]

    def _remove(self, key: str) -> None:
        if key in self._bars:
            self._progress.remove_task(self._bars.pop(key))


def _title(cell: Cell) -> str:
    return f"{cell.attack.text} × {cell.opponent.text}"


class PlainWatcher(RunWatcher):
    """One line per event, and one every ten seconds during long work."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._last = time.monotonic()

    def training(self, name: str, done: int, total: int) -> None:
        since = self._begun.setdefault(name, time.monotonic())
        self._tell(f"training {name}: {done}/{total}", time_left(time.monotonic() - since, done, total))

    def cell_started(self, cell: Cell, examples: int, done: int) -> None:
        super().cell_started(cell, examples, done)
        self._last = time.monotonic()

    def queries(self, cell: Cell, asked: int) -> None:
        super().queries(cell, asked)
        work = self.under_way.get(cell.cell_id)
        if work is not None:
            self._tell(f"{_title(cell)}, {work.rate}: {int(work.progress)}/{work.of}", work.left)

    def _tell(self, what: str, left: str) -> None:
        now = time.monotonic()
        if now - self._last >= _PATIENCE:
            self._last = now
            self.console.print(f"        … {escape(what)}" + (f", {left}" if left else ""), soft_wrap=True)


def watcher(console: Console) -> RunWatcher:
    """The live one where somebody can see it move."""
    kept = keeping_its_stream(console)
    return LiveWatcher(kept) if kept.is_terminal else PlainWatcher(kept)


def time_left(seconds: float, done: float, total: float) -> str:
    """`about 1 min 20 s left`, if it goes on as in the seconds since it began; nothing before a fair share is done."""
    if total <= 0 or done < _FAIR * total:
        return ""
    return f"about {duration(seconds * (total - done) / done)} left"


def duration(seconds: float) -> str:
    """For people: 1.5 s, 2 min 05 s, 3 h 20 min."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
