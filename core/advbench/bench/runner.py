"""Runs a plan: trains, attacks shard by shard, writes each shard at once, resumes what was begun."""

from __future__ import annotations

import functools
import time
from typing import Any

import torch

from ..arena.contest import Contest, prepare, run_shard
from ..arena.draws import SeedPath
from ..arena.exactness import rows_are_exact
from ..arena.limits import time_limit
from ..catalog.plugins import Installed
from ..contract.errors import EmptySelection, told
from ..contract.protocols import Contender, Examples, State
from ..records.merge import INTERRUPTED
from ..records.writer import KnownCell, ReportWriter
from .contenders import Contenders
from .eligible import Right, clean_right, restricted
from .encoding import encode_of
from .freshness import fingerprint
from .isolation import CELL_HINT, TRAINING_HINT, failure
from .measures import Measures
from .notes import Notes
from .packing import pack_outcome, pack_state, unpack_state
from .plan import Cell, Plan
from .request import Eligible, Request
from .rows import cell_row, run_end, run_entry
from .scoring import score_cells
from .shards import Shard, keys_of, shards_of
from .targets import with_targets
from .trained import Trained
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
        watcher.planned(plan)
        try:
            if request.eligible == Eligible.ALL_CORRECT:
                runner.restrict()
                entry |= {"cells": [cell.cell_id for cell in runner.plan.cells]}
                writer.update_run(index, entry)
            runner.work()
        except EmptySelection:
            writer.update_run(index, entry | run_end(runner.tally))
            raise
        except KeyboardInterrupt:
            runner.tally.interrupted = True
        for text in writer.damaged:
            watcher.note(text)
        runner.score()
        writer.compact()
        writer.update_run(index, entry | run_end(runner.tally))
        return runner.tally


class _Runner:
    def __init__(
        self, plan: Plan, request: Request, installed: Installed, watcher: Watcher, writer: ReportWriter, index: int
    ) -> None:
        self.plan, self.request, self.watcher, self.writer, self.index = plan, request, watcher, writer, index
        self.tally = Tally()
        self.notes = Notes(watcher, self.tally)
        self.ended: list[str] = []  # cells that ended well, now or before
        self.contenders = Contenders(request.device, request.cell_timeout, watcher, self.notes.add)
        self.device = torch.device(request.device)
        self.hooks = installed.manager.hook
        with self.notes.of_printing("distances"):
            self.measures = Measures(installed, self.notes.add)
        self._about: dict[str, Any] = {}  # what is known of the cell under way

    def restrict(self) -> None:
        """Train everybody first, and go on with the examples that all of them get right."""
        self.plan = restricted(self.plan, self.request, self._right, self.notes.add)

    def _right(self, cell: Cell) -> Right | None:
        """What the cell's contender gets right; None if it cannot be had, for which its cells fail later."""
        failed = ""
        with self.notes.of_printing(cell.opponent.text):
            try:
                trained = self.contenders.ready(cell)
                torch.set_num_threads(1)
                with time_limit(self.request.cell_timeout, f"clean answers of {cell.opponent.text}", TRAINING_HINT):
                    return clean_right(cell, trained.contender, self._judge_seeds(cell), self.device)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # SystemExit too, and whatever else a plugin may throw
                self.contenders.give_up(cell, error)
                failed = told(error)
        self.notes.add(f"{cell.opponent.text} has no say in which examples are eligible, for it failed: {failed}")
        return None

    def work(self) -> None:
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
        self._about = {}
        failed = None
        with self.notes.of_printing(cell.text):
            try:
                cached = self._run_cell(cell)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                failed = failure(cell, error)
        if failed is not None:
            self.writer.write_traceback(cell.cell_id, failed.trace)
            self._write(cell, status="failed", code=failed.code, reason=failed.reason, **self._about)
            self.tally.failed += 1
            self.watcher.cell_ended(cell, "failed", failed.reason)
            return
        if cached:
            self.tally.cached += 1
        else:
            self.tally.ok += 1
        self.ended.append(cell.cell_id)
        self.watcher.cell_ended(cell, "cached" if cached else "ok")

    def score(self) -> None:
        """Apply the metrics to every cell that ended well; one that fails leaves the others alone."""
        with self.notes.of_printing("metrics"):
            failed = score_cells(self.writer, self.ended, self.plan.metrics, self.request.cell_timeout)
        for text in failed:
            self.tally.unscored += 1
            self.notes.add(text)

    def _run_cell(self, cell: Cell) -> bool:
        """True if the cell was done already."""
        mark = fingerprint(cell, self.request.device)
        known = None if self.request.force else self.writer.known(cell.cell_id)
        if known is not None and self._is_done(cell, known, mark):
            return True
        self.contenders.forget_but(cell)
        trained, sources = self.contenders.ready(cell), self.contenders.sources(cell)
        known = self._fresh(cell, known, mark, trained)
        started = time.monotonic()
        limit = functools.partial(time_limit, self.request.cell_timeout, f"cell {cell.text}", CELL_HINT, started)
        contest = self._contest(cell, trained, {name: source.contender for name, source in sources.items()})
        torch.set_num_threads(1)  # now, so that a contender from the cache is examined as a trained one is
        with limit():
            exact = rows_are_exact(trained.contender, self._sample(cell), cell.data.facts.classes, self.device)
        self._about = {
            "fingerprint": mark, "contender_digest": trained.digest, "train_seconds": trained.seconds,
            "inexact": not exact, "stochastic": trained.contender.facts.stochastic,
        }  # fmt: skip
        judged = known.judged if known is not None else frozenset()
        interrupted = "the run ended before this cell did"
        self._write(cell, status="failed", code=INTERRUPTED, reason=interrupted, **self._about)
        self._store_training(trained)
        with limit():
            prepared, shared = self._prepared(cell, contest)
            shards = [(shard, self._examples(cell, shard, trained)) for shard in shards_of(cell)]
        total = len(cell.data.positions)
        todo = [(shard, examples, target) for shard, (examples, target) in shards
                if not keys_of(examples, target) <= judged]  # fmt: skip
        self.watcher.cell_started(cell, total, total - sum(len(shard.positions) for shard, _, _ in todo))
        for shard, examples, target in todo:
            with limit():
                outcome = run_shard(contest, examples, target, prepared, self.watcher.queries)
            self.notes.of_invalid(cell.text, outcome.examples)
            if self.request.save_adversarials:  # before its rows, for with them the shard counts as done
                self.writer.write_adversarials(cell.cell_id, *pack_outcome(shard.number, outcome))
            self.writer.write_shard(
                cell.cell_id, shard.number, fingerprint=mark, contender_digest=trained.digest,
                examples=outcome.examples, trace=outcome.trace,
            )  # fmt: skip
            self.watcher.judged(len(shard.positions))
        row = self._write(
            cell, status="ok", attack_seconds=time.monotonic() - started, queries_shared=shared, **self._about
        )  # fmt: skip
        self.notes.of_finished(self.hooks, row)
        return False

    def _is_done(self, cell: Cell, known: KnownCell, mark: str) -> bool:
        """Whether all its shards are there, from this very code and contender."""
        digest = self.contenders.digest(cell)
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

    def _contest(self, cell: Cell, trained: Trained, sources: dict[str, Contender]) -> Contest:
        data, root = cell.data, SeedPath(cell.seed)
        return Contest(
            contender=trained.contender,
            sources=sources,
            attack=cell.attack.instance,
            needs=cell.attack_facts.needs,
            batched=cell.attack.spec.batched,
            threat=cell.threat,
            facts=data.facts,
            distances=self.measures.of(data.facts, cell.threat.norm),
            attack_seeds=root.child("attack", cell.attack.name, data.facts.digest),
            noise_seeds=root.child("noise", data.facts.digest, cell.opponent.text),
            judge_seeds=self._judge_seeds(cell),
            device=self.device,
            encode=encode_of(cell.similarity) if cell.similarity else None,
        )

    def _judge_seeds(self, cell: Cell) -> SeedPath:
        return SeedPath(cell.seed, "judge", cell.data.facts.digest, cell.opponent.text)

    def _prepared(self, cell: Cell, contest: Contest) -> tuple[State | None, int | None]:
        """What the attack learns before its first example; asked for once, then read back."""
        if not hasattr(contest.attack, "prepare"):
            return None, None
        data = self.writer.read_prepared(cell.cell_id, "state.safetensors")
        if data is None:
            state, queries = prepare(contest, cell.data.component.instance.load("tune"), self.watcher.queries)
            state = State(state.arrays, {"state": dict(state.meta), "queries": queries})
            data = pack_state(state, cell.attack.name)
            self.writer.write_prepared(cell.cell_id, "state.safetensors", data)
        state = unpack_state(data)  # the first time too: what does not survive storing shows at once
        return State(state.arrays, state.meta["state"]), int(state.meta["queries"])

    def _examples(self, cell: Cell, shard: Shard, trained: Trained) -> tuple[Examples, torch.Tensor | None]:
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
