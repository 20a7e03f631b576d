"""What a run tells whoever watches it. The default watcher keeps silent."""

from __future__ import annotations

from dataclasses import dataclass, field

from .plan import Cell, Plan


class Watcher:
    """Override what you want to see; called from the main thread, often, so be quick.

    While plugins run, standard output and error are kept from them: print to a stream that you
    looked up before the run.
    """

    def planned(self, plan: Plan) -> None:
        """Before anything is trained."""

    def note(self, text: str) -> None:
        """Something worth a line: a stale cell, a damaged file."""

    def training(self, name: str, done: int, total: int) -> None:
        """A contender is being trained."""

    def trained(self, name: str, seconds: float, cached: bool) -> None:
        """A contender is ready."""

    def cell_started(self, cell: Cell, examples: int, done: int) -> None:
        """`done` of the cell's examples were judged in an earlier run."""

    def queries(self, cell: Cell, asked: int) -> None:
        """So many more queries were answered."""

    def judged(self, cell: Cell, examples: int) -> None:
        """So many more examples have their verdict."""

    def cell_ended(self, cell: Cell, how: str, detail: str = "") -> None:
        """`how`: ok, cached, refused or failed."""


@dataclass
class Tally:
    """How the cells of a run ended, how many metrics failed, and what else was worth a line."""

    ok: int = 0
    cached: int = 0
    refused: int = 0
    failed: int = 0
    unscored: int = 0
    interrupted: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """As the command line reports it."""
        if self.interrupted:
            return 130
        if self.failed or self.unscored:
            return 1
        return 0 if self.ok or self.cached else 5
