"""What happens beside the results of a run, told once: to whoever watches, and in run.json."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ..catalog.printed import printing_kept
from ..contract.errors import told
from ..contract.texts import harmless
from ..contract.types import Verdict
from .watcher import Tally, Watcher

_LONGEST = 3_000  # characters


class Notes:
    """Collects the notes of one run."""

    def __init__(self, watcher: Watcher, tally: Tally) -> None:
        self._watcher, self._tally = watcher, tally

    def add(self, text: str) -> None:
        """Tell something, unless it was told before."""
        text = harmless(text, _LONGEST)
        if text not in self._tally.notes:
            self._tally.notes.append(text)
            self._watcher.note(text)

    def all(self, texts: Iterable[str]) -> None:
        """Tell several."""
        for text in texts:
            self.add(text)

    @contextmanager
    def of_printing(self, who: str) -> Iterator[None]:
        """Keep what plugins print in the block from the terminal, and tell how it began."""
        with printing_kept() as printed:
            yield
        if printed.count:
            self.add(f"{who}: plugins printed {printed}")

    def of_invalid(self, who: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Answers that broke a rule leave their examples unresolved; the others may be sound."""
        flaw = next((row["reason"] for row in rows if row["verdict"] == Verdict.INVALID.value), None)
        if flaw is not None:
            self.add(f"{who}: answers of the attack are invalid, their examples unresolved: {flaw}.")

    def of_finished(self, hook: Any, row: Mapping[str, Any]) -> None:
        """Call everyone who waits for finished cells, each with a row of its own."""
        for waiting in hook.advbench_cell_finished.get_hookimpls():
            try:
                waiting.function(*(dict(row) for _ in waiting.argnames))
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # SystemExit too, and whatever else a plugin may throw
                who = f"advbench_cell_finished of {waiting.plugin_name}"
                self.add(f"{who}: it must end without an error, got {told(error)}. The cell is not affected.")
