"""What fetching looks like: a bar with size and time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)  # fmt: skip
from rich.text import Text

from ..contract.texts import one_line
from ..supply.watch import Watch
from .console import escape, keeping_its_stream

_PATIENCE = 10.0  # seconds between two plain lines about the same work


class PlainWatch(Watch):
    """A line per event, and one every ten seconds while bytes come in."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._last = time.monotonic()

    def trying(self, what: str, source: str) -> None:
        self._tell(f"{what}: trying {source}")

    def failed(self, what: str, source: str, why: str) -> None:
        self._tell(f"{what}: not had: {one_line(why, 200)}")

    def progress(self, what: str, done: int, total: int) -> None:
        if time.monotonic() - self._last >= _PATIENCE:
            self._tell(f"… {what}: {done / 1e6:.1f} of {total / 1e6:.1f} MB")

    def working(self, what: str) -> None:
        self._tell(what)

    def note(self, text: str) -> None:
        self._tell(text)

    def _tell(self, text: str) -> None:
        self._last = time.monotonic()
        self.console.print(f"[dim]{escape(text)}[/]", soft_wrap=True)


class _Size(DownloadColumn):
    """Bytes done and to come; nothing where they are not counted."""

    def render(self, task: Task) -> Text:
        return Text() if task.total is None else super().render(task)


class LiveWatch(PlainWatch):
    """One bar; it spins where nothing can be measured."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self.bar = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=24), _Size(),
            TimeRemainingColumn(compact=True), TimeElapsedColumn(), console=console, transient=True,
        )  # fmt: skip
        self._task = self.bar.add_task("", total=None)
        self._what = ""

    def progress(self, what: str, done: int, total: int) -> None:
        self._begin(one_line(what, 44), total or None)
        self.bar.update(self._task, completed=done, total=total or None)

    def working(self, what: str) -> None:
        self._begin(one_line(what, 60), None)

    def _begin(self, what: str, total: int | None) -> None:
        """Another piece of work has a bar of its own: one with a known end does not become one without."""
        if what != self._what:
            self.bar.remove_task(self._task)
            self._task, self._what = self.bar.add_task(escape(what), total=total), what


@contextmanager
def fetch_watch(console: Console) -> Iterator[Watch]:
    """The live one where somebody can see it move."""
    kept = keeping_its_stream(console)
    if not kept.is_terminal:
        yield PlainWatch(kept)
        return
    live = LiveWatch(kept)
    with live.bar:
        yield live
