"""What a worker does: it carries out the tasks of one plan, wherever it runs."""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

import torch
from threadpoolctl import threadpool_limits

from ..arena.contest import Contest, prepare, run_shard
from ..arena.draws import SeedPath
from ..arena.exactness import rows_are_exact
from ..arena.limits import time_limit
from ..arena.telling import run_told
from ..catalog.plugins import Installed, discover
from ..catalog.printed import printing_kept
from ..catalog.registry import read
from ..catalog.resolve import Resolver
from ..contract.engines import Answer, Setup, Task, Tell
from ..contract.errors import DataError, PluginError
from ..contract.protocols import Contender, Examples, State
from .contenders import Contenders, contenders_of, stand_ins
from .eligible import Right, clean_right
from .encoding import encode_of
from .freshness import fingerprint
from .isolation import CELL_HINT, TRAINING_HINT, trouble
from .measures import Measures
from .packing import pack_outcome, pack_prepared, unpack_prepared
from .plan import Cell, Plan, make_plan
from .request import Request
from .rows import peak_rss_mib
from .shards import Key, Shard, keys_of, shards_of
from .targets import with_targets
from .trained import Trained


@dataclass(frozen=True)
class Ready:
    """The answer to `train`: the contender lies in the cache folder."""

    digest: str
    seconds: float
    cached: bool
    log: tuple[dict[str, float], ...]


@dataclass(frozen=True)
class Begun:
    """The answer to `begin`: what is known of a cell before its first shard."""

    fingerprint: str  # of the worker's code
    inexact: bool
    stochastic: bool
    prepared: bytes | None
    queries: int | None  # that preparing took
    keys: tuple[tuple[Key, ...], ...]  # that each shard will judge


@dataclass(frozen=True)
class Attacked:
    """The answer to `attack`: rows of examples and of trace, and the judged points, where they are to be kept."""

    examples: list[dict[str, Any]]
    trace: list[dict[str, Any]]
    kept: tuple[str, bytes] | None  # file name and content


class Worker:
    """Carries out tasks, one at a time; keeps the contenders of the last one in memory.

    jobs: workers that share this machine's cores. alone: it is given all tasks of the run.
    """

    def __init__(
        self, plan: Plan, request: Request, installed: Installed, jobs: int = 1, *, alone: bool = True
    ) -> None:
        self._plan, self._request = plan, request
        self._device = torch.device(request.device)
        self._notes: list[str] = []
        self._tell: Tell = _nothing
        self._contenders = Contenders(
            request.device, request.cell_timeout, jobs, alone,
            lambda name, done, total: self._tell("training", name, done, total), self._notes.append,
        )  # fmt: skip
        with self._printing("distances"):
            self._measures = Measures(installed, self._notes.append)
        self._unpacked: tuple[str, State] | None = None
        self._ends = math.inf  # of the limits that hold at the moment, the nearest
        self._home = os.getpid()

    @classmethod
    def of(cls, setup: Setup) -> Self:
        """The worker in another process than the one that planned: it plans again, from the same request."""
        installed = discover([Path(file) for file in setup.files])
        plan = make_plan(setup.request, Resolver(installed, read()))
        return cls(plan, setup.request, installed, setup.jobs, alone=False)

    def carry_out(self, task: Task, tell: Tell) -> Answer:
        """Whatever a plugin raises, SystemExit included, becomes the answer. KeyboardInterrupt passes."""
        started, cell = time.monotonic(), self._cell(task)
        self._tell = lambda what, *values: self._tell_alone(tell, what, *values)
        found, failed = None, None
        with self._printing(cell.opponent.text if task.what in ("train", "right") else cell.text):
            try:
                found = self._found(task, cell)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                failed = trouble(cell, error)
        self._leave_if_forked()
        self._tell, notes = _nothing, tuple(self._notes)
        self._notes.clear()
        return Answer(
            found=found, trouble=failed, seconds=time.monotonic() - started, notes=notes, peak_rss_mib=peak_rss_mib()
        )  # fmt: skip

    def _cell(self, task: Task) -> Cell:
        cells = self._plan.cells
        cell = cells[task.cell] if task.cell < len(cells) else None
        if cell is None or cell.cell_id != task.cell_id:
            raise PluginError(
                f"worker: cell {task.cell_id} must be the same in every process, got another plan here."
                " Code, data or settings differ; make them equal and run again."
            )
        if task.positions is not None:
            return replace(cell, data=replace(cell.data, positions=task.positions), eligible=task.eligible)
        return cell

    def _found(self, task: Task, cell: Cell) -> Any:
        self._contenders.forget_but(cell)
        if task.what == "train":
            trained = self._ready(self._wanted(cell, task.source))
            return Ready(trained.digest, trained.seconds, trained.cached, trained.log)
        if task.what == "right":
            return self._right(cell)
        since, whole = time.monotonic() - task.spent, self._request.cell_timeout
        limit = time_limit(whole, f"cell {cell.text}", CELL_HINT, since)
        contender = self._ready(cell).contender
        sources = {field: self._ready(one).contender for field, one in stand_ins(cell, self._request.device)}
        torch.set_num_threads(1)  # now, so that a contender from the cache is examined as a trained one is
        left = None if whole is None else since + whole - time.monotonic()
        with self._watched(left), limit, threadpool_limits(1):
            contest = replace(self._contest(cell, contender, sources), exact=not task.inexact)
            if task.what == "tell":
                return self._told(cell, contest)
            return self._begun(task, cell, contest) if task.what == "begin" else self._attacked(task, cell, contest)

    def _wanted(self, cell: Cell, source: str) -> Cell:
        return next(one for name, one in contenders_of(cell, self._request.device) if name == source)

    def _ready(self, cell: Cell) -> Trained:
        with self._watched(self._request.cell_timeout):
            return self._contenders.ready(cell)

    def _right(self, cell: Cell) -> Right:
        contender, seconds = self._ready(cell).contender, self._request.cell_timeout
        torch.set_num_threads(1)
        limit = time_limit(seconds, f"clean answers of {cell.opponent.text}", TRAINING_HINT)
        with self._watched(seconds), limit, threadpool_limits(1):
            return clean_right(cell, contender, _judge_seeds(cell), self._device)

    def _begun(self, task: Task, cell: Cell, contest: Contest) -> Begun:
        load, exact = cell.data.component.instance.load, self._exact(cell, contest)
        prepared, queries = task.prepared, None
        if hasattr(contest.attack, "prepare"):
            if prepared is not None:
                try:
                    queries = unpack_prepared(prepared)[1]
                except DataError as error:
                    self._notes.append(f"{cell.text}: {error}")
            if prepared is None or queries is None:
                state, queries = prepare(contest, load("tune"), lambda asked: self._tell("queries", asked))
                prepared = pack_prepared(state, queries, cell.attack.name)
        shards = [self._examples(cell, shard, contest.contender) for shard in shards_of(cell)]
        return Begun(
            fingerprint=fingerprint(cell, self._request.device), inexact=not exact,
            stochastic=contest.contender.facts.stochastic, prepared=prepared, queries=queries,
            keys=tuple(tuple(keys_of(examples, target)) for examples, target in shards),
        )  # fmt: skip

    def _exact(self, cell: Cell, contest: Contest) -> bool:
        sample = cell.data.component.instance.load("eval", cell.data.positions[:16]).x
        sample = sample if isinstance(sample, tuple) else sample.to(self._device)
        return rows_are_exact(contest.contender, sample, cell.data.facts.classes, self._device)

    def _told(self, cell: Cell, contest: Contest) -> tuple[dict[str, Any], ...]:
        """Rows of the cell's only example, one for each target, and on the way what there is to say of them."""
        contest, prepared = replace(contest, exact=self._exact(cell, contest)), None
        if hasattr(contest.attack, "prepare"):
            prepared, _ = prepare(contest, cell.data.component.instance.load("tune"))
        rows: list[dict[str, Any]] = []
        for shard in shards_of(cell):
            examples, target = self._examples(cell, shard, contest.contender)
            for row in range(len(examples)):
                one, aim = _only(examples, target, (row,))
                if aim is not None:
                    self._tell("said", f"target {int(aim)}:")
                found = run_told(contest, one, aim, prepared, lambda line: self._tell("said", line))
                rows += found.examples
        return tuple(rows)

    def _attacked(self, task: Task, cell: Cell, contest: Contest) -> Attacked:
        shard = list(shards_of(cell))[task.shard]
        examples, target = self._examples(cell, shard, contest.contender)
        if task.rows is not None:
            examples, target = _only(examples, target, task.rows)
        prepared = None if task.prepared is None else self._state(task.prepared)
        outcome = run_shard(contest, examples, target, prepared, lambda asked: self._tell("queries", asked))
        kept = pack_outcome(f"shard-{task.shard:05d}", outcome) if self._request.save_adversarials else None
        return Attacked(outcome.examples, outcome.trace, kept)

    def _state(self, packed: bytes) -> State:
        """Unpacked once for all shards; from its bytes the first time too: what does not survive storing shows."""
        name = sha256(packed).hexdigest()
        if self._unpacked is None or self._unpacked[0] != name:
            self._unpacked = (name, unpack_prepared(packed)[0])
        return self._unpacked[1]

    def _examples(self, cell: Cell, shard: Shard, contender: Contender) -> tuple[Examples, torch.Tensor | None]:
        examples = cell.data.component.instance.load("eval", shard.positions)
        return with_targets(examples, cell.threat, cell.data.facts.classes, cell.seed, contender, self._device)

    def _contest(self, cell: Cell, contender: Contender, sources: Mapping[str, Contender]) -> Contest:
        data, root = cell.data, SeedPath(cell.seed)
        return Contest(
            contender=contender,
            sources=sources,
            attack=cell.attack.instance,
            needs=cell.attack_facts.needs,
            batched=cell.attack.spec.batched,
            threat=cell.threat,
            facts=data.facts,
            distances=self._measures.of(data.facts, cell.threat.norm),
            attack_seeds=root.child("attack", cell.attack.name, data.facts.digest),
            noise_seeds=root.child("noise", data.facts.digest, cell.opponent.text),
            judge_seeds=_judge_seeds(cell),
            device=self._device,
            encode=encode_of(cell.similarity) if cell.similarity else None,
            watched=self._watched,
        )

    @contextmanager
    def _watched(self, seconds: float | None) -> Iterator[None]:
        """Tell how long the block may take: code that listens to nobody must be stopped from outside."""
        if seconds is None:
            yield
            return
        before, ends = self._ends, time.monotonic() + seconds
        self._limit(min(ends, before))
        try:
            yield
        finally:
            self._limit(before)

    def _limit(self, ends: float) -> None:
        self._ends = ends
        self._tell("limit", None if math.isinf(ends) else ends - time.monotonic())

    def _tell_alone(self, tell: Tell, what: str, *values: Any) -> None:
        self._leave_if_forked()
        tell(what, *values)

    def _leave_if_forked(self) -> None:
        """A plugin that forks must not leave two workers behind: the copy goes, without cleaning up."""
        if os.getpid() != self._home:
            os.kill(os.getpid(), signal.SIGKILL)

    @contextmanager
    def _printing(self, who: str) -> Iterator[None]:
        """Keep what plugins print in the block from everywhere else, and note how it began."""
        with printing_kept() as printed:
            yield
        if printed.count:
            self._notes.append(f"{who}: plugins printed {printed}")


def _only(
    examples: Examples, target: torch.Tensor | None, rows: tuple[int, ...]
) -> tuple[Examples, torch.Tensor | None]:
    at = torch.tensor(rows)
    x = tuple(examples.x[i] for i in rows) if isinstance(examples.x, tuple) else examples.x[at]
    return Examples(examples.ids[at], x, examples.y[at]), None if target is None else target[at]


def _judge_seeds(cell: Cell) -> SeedPath:
    return SeedPath(cell.seed, "judge", cell.data.facts.digest, cell.opponent.text)


def _nothing(what: str, *values: Any) -> None:
    """Nobody listens."""
