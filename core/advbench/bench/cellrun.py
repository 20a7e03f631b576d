"""One cell's way through a run: its contenders, its beginning, its shards, its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from ..catalog.pairing import told
from ..contract.engines import Answer, Task, Trouble
from ..contract.errors import PluginError
from ..records.known import KnownCell
from ..records.merge import INTERRUPTED
from ..records.writer import ReportWriter
from .foreman import Fatal, Foreman
from .freshness import changes, fingerprint
from .isolation import suspects, trouble
from .notes import Notes
from .pieces import Pieces, befell
from .plan import Cell
from .request import Request
from .rows import cell_row
from .shards import Key
from .trainings import Outcome, Trainings
from .watcher import Watcher
from .work import Attacked, Begun, Ready

BEGIN, ATTACK = 1, 2  # urgencies, after training
_STATE = "state.safetensors"
_ENOUGH = 3  # examples that kill a worker, after which no more are looked for: each costs new workers


@dataclass(frozen=True, kw_only=True)
class House:
    """What all cells of a run share."""

    foreman: Foreman
    trainings: Trainings
    writer: ReportWriter
    watcher: Watcher
    notes: Notes
    request: Request
    hooks: Any
    run: int  # its position in run.json
    ids: dict[tuple[str, tuple[int, ...]], list[int]] = field(default_factory=dict)  # of examples, by their places


class CellRun:
    """Asks for one task after the other and stores what comes back; `ended` is called once."""

    def __init__(
        self, house: House, number: int, planned: str, cell: Cell, ended: Callable[[CellRun, str, str], None]
    ) -> None:
        self.number, self.cell = number, cell
        self._house, self._planned, self._ended = house, planned, ended
        self._about: dict[str, Any] = {}  # columns of its row that are known so far
        self._mark = ""
        self._known: KnownCell | None = None
        self._begun: Begun | None = None
        self._spent = self._peak = 0.0
        self._left = 0  # shards that have no answer yet
        self._over = False

    def open(self) -> None:
        """Begin, unless it is refused or done already."""
        with self._guarded():
            house, cell = self._house, self.cell
            if cell.refused:
                reasons = told(cell.refused)
                self._write(status="refused", code=cell.refused[0].code, reason=reasons)
                self._end("refused", reasons)
                return
            self._mark = fingerprint(cell, house.request.device)
            self._known = None if house.request.force else house.writer.known(cell.cell_id)
            if self._known is not None and self._is_done(self._known):
                self._end("cached")
                return
            house.trainings.ready(cell, self._task(what="train"), self._trained)

    def _is_done(self, known: KnownCell) -> bool:
        """Whether all its shards are there, from this very code and contender."""
        digest = self._house.trainings.stored(self.cell)
        if known.status != "ok" or known.fingerprint != self._mark or digest not in (None, known.contender_digest):
            return False
        if self.cell.threat.targeted:
            return False  # which targets an example has may depend on the contender
        data, ids = self.cell.data, self._house.ids
        key = data.component.text, data.positions
        if key not in ids:
            ids[key] = data.component.instance.load("eval", data.positions).ids.tolist()
        return known.judged.issuperset((int(i), None) for i in ids[key])

    def _trained(self, outcome: Outcome) -> None:
        with self._guarded():
            if isinstance(outcome, Trouble):
                self._fail(outcome)
                return
            if self._house.request.force:
                self._house.writer.drop(self.cell.cell_id)  # what its attack prepared, too
            self._forget_stale(outcome)
            self._about = {
                "fingerprint": self._mark, "contender_digest": outcome.digest, "train_seconds": outcome.seconds,
            }  # fmt: skip
            if outcome.log:
                rows = [{"contender_digest": outcome.digest, **row} for row in outcome.log]
                self._house.writer.write_training(rows)
            prepared = self._house.writer.read_prepared(self.cell.cell_id, _STATE)
            self._ask(self._task(what="begin", prepared=prepared), self._answered_begin, BEGIN)

    def _forget_stale(self, ready: Ready) -> None:
        """Drop what came from other code or another contender; and say so."""
        known, house = self._known, self._house
        if known is None or (known.fingerprint, known.contender_digest) == (self._mark, ready.digest):
            return
        if known.judged:
            cause = "its contender" if known.fingerprint == self._mark else changes(known.fingerprint, self._mark)
            house.watcher.note(f"{self.cell.text}: {cause} changed since it was run; it is run again.")
        house.writer.drop(self.cell.cell_id)
        self._known = None

    def _answered_begin(self, answer: Answer) -> None:
        if answer.trouble is not None:
            self._fail(answer.trouble)
            return
        begun: Begun = answer.found
        house, cell = self._house, self.cell
        if begun.fingerprint != self._mark:
            raise PluginError("worker: its code and libraries must be as they are here, got others. Install alike.")
        self._begun = begun
        self._about |= {"inexact": begun.inexact, "stochastic": begun.stochastic}
        self._write(status="failed", code=INTERRUPTED, reason="the run ended before this cell did", **self._about)
        if begun.prepared is not None:
            house.writer.write_prepared(cell.cell_id, _STATE, begun.prepared)
        judged = self._known.judged if self._known is not None else None
        todo = [number for number, keys in enumerate(begun.keys) if judged is None or not judged.issuperset(keys)]
        sizes = [len({example for example, _ in keys}) for keys in begun.keys]
        total = len(cell.data.positions)
        house.watcher.cell_started(cell, total, total - sum(sizes[number] for number in todo))
        self._left = len(todo)
        if not todo:
            self._finish()
        for number in todo:
            self._ask(self._attack(number), lambda answer, n=number: self._answered_shard(n, answer), ATTACK)  # type: ignore[misc]

    def _answered_shard(self, shard: int, answer: Answer) -> None:
        if answer.trouble is None:
            self._keep(shard, answer.found)
            self._one_less()
        elif self._can_split(shard, answer.trouble):
            self._split(shard)
        else:
            assert self._begun is not None
            self._fail(answer.trouble, self._begun.keys[shard])

    def _can_split(self, shard: int, found: Trouble) -> bool:
        """Whether its examples may be attacked one by one, to find those that kill a worker: rows must be exact."""
        assert self._begun is not None
        whole = self._house.request.cell_timeout
        in_time = whole is None or self._spent < whole
        return isinstance(found, Fatal) and len(self._begun.keys[shard]) > 1 and not self._begun.inexact and in_time

    def _split(self, shard: int) -> None:
        assert self._begun is not None
        pieces = Pieces(len(self._begun.keys[shard]))
        for row in range(pieces.left):
            self._ask(
                self._attack(shard, (row,)),
                lambda answer, row=row: self._answered_piece(shard, pieces, row, answer),  # type: ignore[misc]
                ATTACK,
            )

    def _answered_piece(self, shard: int, pieces: Pieces, row: int, answer: Answer) -> None:
        assert self._begun is not None
        pieces.left -= 1
        if answer.trouble is None:
            pieces.found[row] = answer.found
        else:
            pieces.trouble = answer.trouble
        if isinstance(answer.trouble, Fatal):
            pieces.culprits.append(self._begun.keys[shard][row])
            if pieces.left and len(pieces.culprits) < _ENOUGH:
                return
        elif pieces.left and answer.trouble is None:
            return
        self._keep(shard, pieces.together())
        if pieces.trouble is None:
            self._one_less()
        else:
            self._fail(pieces.trouble, pieces.culprits)

    def _one_less(self) -> None:
        self._left -= 1
        if not self._left:
            self._finish()

    def _keep(self, shard: int, found: Attacked) -> None:
        """Write a shard, or what there is of it."""
        house, cell_id = self._house, self.cell.cell_id
        house.notes.of_invalid(self.cell.text, found.examples)
        if found.kept is not None:  # before the rows, for with them the shard counts as done
            house.writer.write_adversarials(cell_id, *found.kept)
        if found.examples:
            house.writer.write_shard(
                cell_id, shard, fingerprint=self._mark, contender_digest=self._about["contender_digest"],
                examples=found.examples, trace=found.trace,
            )  # fmt: skip
            house.watcher.judged(self.cell, len({row["example_id"] for row in found.examples}))

    def _finish(self) -> None:
        assert self._begun is not None
        row = self._write(
            status="ok", attack_seconds=self._spent, queries_shared=self._begun.queries, peak_rss_mib=self._peak,
            **self._about,
        )  # fmt: skip
        self._house.notes.of_finished(self._house.hooks, row)
        self._end("ok")

    def _fail(self, found: Trouble, keys: Sequence[Key] = ()) -> None:
        """keys: what was attacked when a worker was lost."""
        house, cell_id = self._house, self.cell.cell_id
        house.writer.write_traceback(cell_id, found.trace)
        if isinstance(found, Fatal) and "contender_digest" in self._about:
            found = replace(found, reason=f"{suspects(self.cell, False)}: {found.reason}{befell(keys)}")
        reason = found.reason if found.ours else f"{found.reason} The traceback is in tracebacks/{cell_id}.txt."
        self._write(status="failed", code=found.code, reason=reason, **self._about)
        house.foreman.drop(lambda task: task.cell == self.number and task.what != "train")
        self._end("failed", reason)

    def _end(self, how: str, detail: str = "") -> None:
        self._over = True
        self._ended(self, how, detail)

    def _ask(self, task: Task, then: Callable[[Answer], None], urgency: int) -> None:
        def answered(answer: Answer) -> None:
            self._spent += answer.seconds
            self._peak = max(self._peak, answer.peak_rss_mib)
            self._house.notes.all(answer.notes)
            if not self._over:
                with self._guarded():
                    then(answer)

        self._house.foreman.ask(task, answered, urgency, self._latest)

    def _latest(self, task: Task) -> Task:
        """With what is left of the cell's time by now."""
        return replace(task, spent=self._spent)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Whatever a plugin raises in this process fails this cell alone."""
        try:
            yield
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            if self._over:
                raise
            self._fail(trouble(self.cell, error))

    def _attack(self, shard: int, rows: tuple[int, ...] | None = None) -> Task:
        begun = self._begun
        assert begun is not None
        return self._task(what="attack", shard=shard, rows=rows, prepared=begun.prepared, inexact=begun.inexact)

    def _task(self, **what: Any) -> Task:
        restricted = self.cell.eligible is not None
        return Task(
            cell=self.number, cell_id=self._planned, eligible=self.cell.eligible, needs=self._keys,
            positions=self.cell.data.positions if restricted else None, **what,
        )  # fmt: skip

    @cached_property
    def _keys(self) -> tuple[str, ...]:
        return self._house.trainings.keys(self.cell)

    def _write(self, **results: object) -> dict[str, Any]:
        row = cell_row(self.cell, run=self._house.run, device=self._house.request.device) | results
        self._house.writer.write_cell(row)
        return row
