"""Runs a plan: trains, attacks shard by shard, writes each shard at once, resumes what was begun."""

from __future__ import annotations

import functools
import os
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ..arena.contest import Contest, prepare, run_shard
from ..arena.draws import SeedPath
from ..arena.exactness import rows_are_exact
from ..catalog.plugins import Installed
from ..contract.errors import AdvbenchError, PluginError
from ..contract.protocols import Examples, State
from ..contract.types import Modality, Norm
from ..records.writer import KnownCell, ReportWriter
from .cache import ContenderCache
from .datacheck import check_data
from .freshness import fingerprint, training_key
from .packing import pack_state, unpack_state
from .plan import Cell, Data, Plan
from .request import Request
from .rows import cell_row, run_end, run_entry
from .scoring import score_cells
from .targets import with_targets
from .trained import Trained, obtain
from .watcher import Tally, Watcher


def run(plan: Plan, request: Request, installed: Installed, watcher: Watcher) -> Tally:
    """Carry out every cell of the plan that is not done yet.

    One cell's failure leaves the others alone; its traceback is kept in the report. Ctrl-C ends
    the run with everything finished kept. Raises ReportError if the report cannot be written.
    """
    with ReportWriter.open(request.out) as writer:
        entry = run_entry(plan, request, installed)
        index = writer.append_run(entry)
        runner = _Runner(plan, request, installed, watcher, writer, index)
        try:
            runner.work()
        except KeyboardInterrupt:
            runner.tally.interrupted = True
        for text in writer.damaged:
            watcher.note(text)
        score_cells(writer, runner.touched, {m.text: m.instance for m in plan.metrics})
        writer.compact()
        writer.update_run(index, entry | run_end(runner.tally))
        return runner.tally


@dataclass(frozen=True)
class _Shard:
    """A fixed slice of a cell's positions; `keys` are the (example_id, target) it must yield."""

    number: int
    positions: tuple[int, ...]


class _Runner:
    def __init__(
        self, plan: Plan, request: Request, installed: Installed, watcher: Watcher, writer: ReportWriter, index: int
    ) -> None:
        self.plan, self.request, self.watcher, self.writer, self.index = plan, request, watcher, writer, index
        self.tally = Tally()
        self.touched: list[str] = []
        self.cache = ContenderCache()
        self.device = torch.device(request.device)
        self.hooks = installed.manager.hook
        self._distances = self._load_distances(installed)
        self._trained: dict[str, Trained] = {}
        self._last_key = ""

    def _load_distances(self, installed: Installed) -> dict[Norm, tuple[frozenset[Modality], Any]]:
        """All that work; a cell whose own distance is broken fails by itself."""
        found = {}
        for entry in installed.entries["distance"].values():
            try:
                found[entry.spec.norm] = (entry.spec.modalities, entry.load()())
            except PluginError as error:
                self.watcher.note(str(error))
        return found

    def work(self) -> None:
        self.watcher.planned(self.plan)
        for cell in self.plan.cells:
            if cell.refused:
                self._refuse(cell)
            else:
                self._attempt(cell)
            if self.tally.failed and self.request.fail_fast:
                return

    def _refuse(self, cell: Cell) -> None:
        reasons = " ".join(str(refusal) for refusal in cell.refused)
        self._write(cell, status="refused", code=cell.refused[0].code, reason=reasons)
        self.tally.refused += 1
        self.watcher.cell_ended(cell, "refused", reasons)

    def _attempt(self, cell: Cell) -> None:
        """Run one cell; whatever a plugin raises, SystemExit included, fails this cell alone."""
        try:
            cached = self._run_cell(cell)
        except (Exception, SystemExit) as error:
            text = traceback.format_exc()
            told = str(error) if isinstance(error, AdvbenchError) else f"{type(error).__name__}: {error}"
            self.writer.write_traceback(cell.cell_id, text)
            self._write(cell, status="failed", code=type(error).__name__, reason=told)
            self.tally.failed += 1
            self.watcher.cell_ended(cell, "failed", told)
            return
        if cached:
            self.tally.cached += 1
        else:
            self.tally.ok += 1
            self.touched.append(cell.cell_id)
        self.watcher.cell_ended(cell, "cached" if cached else "ok")

    def _run_cell(self, cell: Cell) -> bool:
        """True if the cell was done already."""
        mark = fingerprint(cell, self.request.device)
        known = None if self.request.force else self.writer.known(cell.cell_id)
        if known is not None and self._is_done(cell, known, mark):
            return True
        check_data(cell.data)
        trained = self._contender(cell)
        known = self._fresh(cell, known, mark, trained)
        contest = self._contest(cell, trained)
        exact = rows_are_exact(trained.contender, self._sample(cell), cell.data.facts.classes, self.device)
        about = {
            "fingerprint": mark, "contender_digest": trained.digest, "train_seconds": trained.seconds,
            "inexact": not exact, "stochastic": trained.contender.facts.stochastic,
        }  # fmt: skip
        judged = known.judged if known is not None else frozenset()
        self._write(cell, status="failed", code="interrupted", reason="the run ended before this cell did", **about)
        self._store_training(trained)
        started = time.monotonic()
        torch.set_num_threads(1)
        prepared, shared = self._prepared(cell, contest)
        total = len(cell.data.positions)
        shards = [(shard, self._examples(cell, shard, trained)) for shard in _shards(cell)]
        todo = [(shard, examples, target) for shard, (examples, target) in shards
                if not _keys(examples, target) <= judged]  # fmt: skip
        self.watcher.cell_started(cell, total, total - sum(len(shard.positions) for shard, _, _ in todo))
        for shard, examples, target in todo:
            outcome = run_shard(contest, examples, target, prepared, self.watcher.queries)
            self.writer.write_shard(
                cell.cell_id, shard.number, fingerprint=mark, contender_digest=trained.digest,
                examples=outcome.examples, trace=outcome.trace,
            )  # fmt: skip
            if self.request.save_adversarials:
                arrays = pack_state(State(outcome.points))
                self.writer.write_adversarials(cell.cell_id, f"shard-{shard.number:05d}.safetensors", arrays)
            self.watcher.judged(len(shard.positions))
        row = self._write(
            cell, status="ok", attack_seconds=time.monotonic() - started, queries_shared=shared, **about
        )  # fmt: skip
        self.hooks.advbench_cell_finished(cell=row)
        return False

    def _is_done(self, cell: Cell, known: KnownCell, mark: str) -> bool:
        """Whether all its shards are there, from this very code and contender."""
        digest = self.cache.digest(training_key(cell, self.request.device))
        if known.status != "ok" or known.fingerprint != mark or digest not in (None, known.contender_digest):
            return False
        if cell.threat.targeted:
            return False  # which targets an example has may depend on the contender
        ids = cell.data.component.instance.load("eval", cell.data.positions).ids.tolist()
        return {(int(i), None) for i in ids} <= known.judged

    def _fresh(self, cell: Cell, known: KnownCell | None, mark: str, trained: Trained) -> KnownCell | None:
        """What is known, unless it came from other code or another contender; then say so."""
        if known is None or (known.fingerprint, known.contender_digest) == (mark, trained.digest):
            return known
        if known.judged:
            cause = "its code or libraries changed" if known.fingerprint != mark else "its contender changed"
            self.watcher.note(f"{cell.text}: {cause} since it was run; it is run again.")
        self.writer.drop(cell.cell_id)
        return None

    def _contender(self, cell: Cell) -> Trained:
        key = training_key(cell, self.request.device)
        if key != self._last_key:  # cells are ordered by contender: one in memory is enough
            name = cell.opponent.text
            threads = os.cpu_count() or 1
            trained = obtain(
                cell, self.cache, self.request.device, threads,
                lambda done, total: self.watcher.training(name, done, total),
            )  # fmt: skip
            self._trained, self._last_key = {key: trained}, key
            self.watcher.trained(name, trained.seconds, trained.cached)
            while self.cache.damaged:
                self.watcher.note(self.cache.damaged.pop())
        return self._trained[key]

    def _contest(self, cell: Cell, trained: Trained) -> Contest:
        data, root = cell.data, SeedPath(cell.seed)
        return Contest(
            contender=trained.contender,
            attack=cell.attack.instance,
            needs=cell.attack_facts.needs,
            batched=cell.attack.spec.batched,
            threat=cell.threat,
            facts=data.facts,
            distances=self._distances_for(data),
            attack_seeds=root.child("attack", cell.attack.name, data.facts.digest),
            noise_seeds=root.child("noise", data.facts.digest, cell.opponent.text),
            judge_seeds=root.child("judge", data.facts.digest, cell.opponent.text, cell.attack.text),
            device=self.device,
        )

    def _distances_for(self, data: Data) -> dict[Norm, Callable[[Any, Any], Any]]:
        width = data.facts.bounds.width if data.facts.bounds else 1.0
        return {
            norm: functools.partial(_measure, measure, width)
            for norm, (modalities, measure) in self._distances.items()
            if data.facts.modality in modalities
        }

    def _prepared(self, cell: Cell, contest: Contest) -> tuple[State | None, int | None]:
        """What the attack learns before its first example; asked for once, then read back."""
        if not hasattr(contest.attack, "prepare"):
            return None, None
        data = self.writer.read_prepared(cell.cell_id, "state.safetensors")
        if data is None:
            state, queries = prepare(contest, cell.data.component.instance.load("tune"), self.watcher.queries)
            state = State(state.arrays, {"state": dict(state.meta), "queries": queries})
            self.writer.write_prepared(cell.cell_id, "state.safetensors", pack_state(state))
        else:
            state = unpack_state(data)
        return State(state.arrays, state.meta["state"]), int(state.meta["queries"])

    def _examples(self, cell: Cell, shard: _Shard, trained: Trained) -> tuple[Examples, torch.Tensor | None]:
        examples = cell.data.component.instance.load("eval", shard.positions)
        return with_targets(
            examples, cell.threat, cell.data.facts.classes, cell.seed, trained.contender, self.device
        )  # fmt: skip

    def _sample(self, cell: Cell) -> Any:
        x = cell.data.component.instance.load("eval", cell.data.positions[:16]).x
        return x if isinstance(x, tuple) else x.to(self.device)

    def _store_training(self, trained: Trained) -> None:
        if trained.log:
            self.writer.write_training([{"contender_digest": trained.digest, **row} for row in trained.log])

    def _write(self, cell: Cell, **results: object) -> dict[str, Any]:
        row = cell_row(cell, run=self.index, device=self.request.device) | results
        self.writer.write_cell(row)
        return row


def _measure(distance: Any, width: float, x: Any, x_adv: Any) -> Any:
    return distance(x, x_adv, width)


def _shards(cell: Cell) -> Iterator[_Shard]:
    size, positions = cell.attack.spec.shard, cell.data.positions
    for number, start in enumerate(range(0, len(positions), size)):
        yield _Shard(number, positions[start : start + size])


def _keys(examples: Examples, target: torch.Tensor | None) -> set[tuple[int, int | None]]:
    targets: Sequence[int | None] = [None] * len(examples) if target is None else target.tolist()
    return set(zip(examples.ids.tolist(), targets, strict=True))
