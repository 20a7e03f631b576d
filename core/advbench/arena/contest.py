"""One shard of one cell: clean answers, the attack under its oracle, the verdicts, the counts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..contract.errors import BudgetSpent, ContestError, JudgeMismatch
from ..contract.facts import DatasetFacts
from ..contract.protocols import Contender, Examples, Perturbed, State
from ..contract.texts import kind_of, one_line
from ..contract.types import Access, Norm, Threat
from .asking import Asker
from .draws import ExampleStreams, NoiseSource, SeedPath
from .goal import ClassGoal
from .judge import Judge, Opinion, pick, right
from .ledger import Ledger
from .limits import time_limit
from .meter import Metered
from .oracle import ORACLES, Oracle
from .resemblance import Encode, resemblances
from .rows import Ints

_NOTE = re.compile(r"[a-z][a-z0-9_]{0,63}")
CALL_GRACE = 10.0  # seconds beyond --timeout for an attack that asks nothing, and so cannot be told by the ledger


@dataclass(frozen=True, kw_only=True)
class Contest:
    """Everything that all shards of one cell share.

    attack_seeds leave out the contender's name and the attack's parameters, so that all
    contenders and ablations face the same draws; noise_seeds and judge_seeds are other
    branches, so that no attack can replay a contender's noise. judge_seeds leave out the attack,
    so that what a contender says of the unchanged examples decides equally for all attacks.
    """

    contender: Contender
    attack: Any
    needs: Access
    batched: bool
    threat: Threat
    facts: DatasetFacts
    distances: Mapping[Norm, Callable[[Any, Any], Tensor]]
    attack_seeds: SeedPath
    noise_seeds: SeedPath
    judge_seeds: SeedPath
    device: torch.device
    sources: Mapping[str, Contender] = field(default_factory=dict)  # those in the attack's own fields, trained
    encode: Encode | None = None  # what the similarity of texts is measured by
    exact: bool = True  # whether a row's answers are free of the rows beside it
    ledger: Callable[..., Ledger] = Ledger  # keeps the account of each group
    # Entered around each of the attack's calls, with the seconds that it may take.
    watched: Callable[[float | None], AbstractContextManager[None]] = lambda seconds: nullcontext()


@dataclass
class Outcome:
    """What one shard adds to the report: rows of `examples` and of `trace`, and the judged points."""

    examples: list[dict[str, Any]] = field(default_factory=list)
    trace: list[dict[str, Any]] = field(default_factory=list)
    points: dict[str, Tensor] = field(default_factory=dict)  # by id, or id-target; skipped ones absent
    texts: dict[str, tuple[str, str]] = field(default_factory=dict)  # the same of texts: before and after


def run_shard(
    contest: Contest,
    examples: Examples,
    target: Tensor | None = None,
    prepared: State | None = None,
    progress: Callable[[int], None] = lambda asked: None,
) -> Outcome:
    """Attack and judge those examples.

    Raises whatever the attack raises, except BudgetSpent; JudgeMismatch if ledger and meter
    disagree; OutOfTime if it goes on long after --timeout without asking.
    """
    examples = Examples(examples.ids, _on(examples.x, contest.device), examples.y.to(contest.device))
    goal = ClassGoal(examples.y, None if target is None else target.to(contest.device))
    judge = Judge(
        contest.contender, contest.facts, contest.threat, contest.distances, examples, goal, contest.judge_seeds,
        contest.exact,
    )  # fmt: skip
    clean = judge.clean()
    attacked = right(clean, goal)
    records: dict[int, dict[str, Any]] = {}
    outcome = Outcome()
    for group in [attacked] if contest.batched else torch.split(attacked, 1):
        if len(group):
            ledger, answer = _attack(contest, judge, examples, goal, group, prepared, progress)
            judged = judge.judge(clean, group, ledger, answer)
            records |= dict(zip(group.tolist(), judged.rows, strict=True))
            if isinstance(judged.points, Tensor):
                outcome.points |= dict(zip(_names(judged.rows), judged.points.cpu(), strict=True))
            else:
                before = pick(examples.x, group)
                outcome.texts |= dict(zip(_names(judged.rows), zip(before, judged.points, strict=True), strict=True))
                for row, found in zip(judged.rows, resemblances(before, judged.points, contest.encode), strict=True):
                    row |= found
            outcome.trace += _trace(examples, goal, group, ledger)
    outcome.examples = [records.get(i) or judge.skipped(clean, i) for i in range(len(examples))]
    return outcome


def prepare(
    contest: Contest, seeds: Examples, progress: Callable[[int], None] = lambda asked: None
) -> tuple[State, int]:
    """Let an attack that learns first do so; return what it learnt and the queries it took."""
    x, y = _on(seeds.x, contest.device), seeds.y.to(contest.device)
    meter = Metered(contest.contender)
    threat = replace(contest.threat, max_queries=contest.threat.max_prepare_queries, eps=None, timeout=None)
    ledger = _SharedLedger(x, ClassGoal(y), threat, contest.facts.bounds, contest.distances[threat.norm])
    oracle = _oracle(contest, meter, ledger, contest.noise_seeds.child("prepare"), seeds.ids.tolist(), None, progress)
    rng = ExampleStreams(contest.attack_seeds.child("prepare"), seeds.ids.tolist(), contest.device)
    try:
        with contest.watched(_seconds(contest, len(y))), _in_time(contest, "prepare", len(y)), meter.watching():
            state = contest.attack.prepare(oracle, Examples(seeds.ids, x, y), rng)
    except BudgetSpent:
        limit = contest.threat.max_prepare_queries
        raise ContestError(
            f"attack: prepare must end within --max-prepare-queries, got BudgetSpent at {limit}."
        ) from None
    if not isinstance(state, State):
        raise ContestError(f"attack: prepare must return a State, got {type(state).__name__}.")
    _compare(meter, ledger)
    return state, int(ledger.queries.sum())


class _SharedLedger(Ledger):
    """The account of `prepare`: one budget for all rows together, no best points kept."""

    def left(self) -> Ints:
        return np.full_like(self.queries, self._total_left())

    def charge(self, rows: Ints, queries: int, gradients: int) -> tuple[Ints | None, Ints]:
        cost = max(1, queries)
        position = np.arange(len(rows))
        number = int(self.queries.sum()) + position * cost + 1
        paid = position < self._total_left() // cost
        count = np.bincount(rows[paid], minlength=len(self.queries))
        self.queries += count * queries
        self.gradients += count * gradients
        self.live &= self._total_left() > 0
        return None if paid.all() else paid.nonzero()[0], number

    def record(
        self, points: Any, rows: Ints, number: Ints, labels: Tensor, sure: bool = True, withhold: bool = False
    ) -> None:
        pass

    def _total_left(self) -> int:
        limit = self.threat.max_queries
        return (1 << 62) - 1 if limit is None else max(0, limit - int(self.queries.sum()))


def _attack(
    contest: Contest,
    judge: Judge,
    examples: Examples,
    goal: ClassGoal,
    group: Tensor,
    prepared: State | None,
    progress: Callable[[int], None],
) -> tuple[Ledger, Perturbed]:
    x, ids = pick(examples.x, group), examples.ids[group.cpu()].tolist()
    # Equal draws for all contenders, but other ones for each target of an example.
    keys = ids if goal.target is None else [f"{i}/{t}" for i, t in zip(ids, goal.target[group].tolist(), strict=True)]
    own_goal = ClassGoal(goal.y[group], None if goal.target is None else goal.target[group])
    meter = Metered(contest.contender)

    def confirm(points: Any, rows: Tensor) -> Tensor:
        with meter.judging(len(rows)):
            return judge.confirm(points, group[rows])

    ledger = contest.ledger(
        x,
        own_goal,
        contest.threat,
        contest.facts.bounds,
        contest.distances[contest.threat.norm],
        confirm,
        contest.contender.facts.stochastic,
    )
    oracle = _oracle(contest, meter, ledger, contest.noise_seeds, ids, prepared, progress)
    untouched = x if isinstance(x, tuple) else x.clone()
    given = x if isinstance(x, tuple) else x.clone()  # an attack that writes into its input harms nobody
    try:
        with contest.watched(_seconds(contest, len(x))), _in_time(contest, "perturb", len(x)), meter.watching():
            answer = contest.attack.perturb(oracle, given, ExampleStreams(contest.attack_seeds, keys, contest.device))
    except BudgetSpent:
        answer = Perturbed(untouched)
    check_answer(answer, len(x))
    _compare(meter, ledger)
    _keep_to(contest.threat, ledger)
    return ledger, answer


def check_answer(answer: Any, n: int) -> None:
    """Raise ContestError unless this is a Perturbed whose extra columns hold a number for each of n rows.

    Its points are the judge's to check: row by row, for they may be wrong for some only.
    """
    if not isinstance(answer, Perturbed):
        raise ContestError(f"attack: perturb must return Perturbed, got {type(answer).__name__}.")
    if not isinstance(answer.notes, Mapping):
        raise ContestError(f"attack: notes must be a mapping of names to tensors, got {type(answer.notes).__name__}.")
    for name, column in answer.notes.items():
        if not isinstance(name, str) or not _NOTE.fullmatch(name):
            raise ContestError(f"attack: a note's name must be like 'step_size', got {one_line(repr(name), 60)}.")
        if not isinstance(column, Tensor) or tuple(column.shape) != (n,) or column.is_complex():
            raise ContestError(f"attack: note '{name}' must hold ({n},) numbers, got {kind_of(column)}.")
    blind = answer.blind
    if blind is not None and not (isinstance(blind, Tensor) and blind.dtype == torch.bool and blind.shape == (n,)):
        raise ContestError(f"attack: blind must be None or torch.bool ({n},), got {kind_of(blind)}.")


def _seconds(contest: Contest, rows: int) -> float | None:
    """The limit of one call: what --timeout allows its rows together, and a little more."""
    timeout = contest.threat.timeout
    return None if timeout is None else timeout * rows + CALL_GRACE


def _in_time(contest: Contest, what: str, rows: int) -> time_limit:
    return time_limit(
        _seconds(contest, rows),
        f"attack: {what} of {rows} examples",
        "It asked nothing for too long, so --timeout could not end it row by row."
        " Raise --timeout or leave this attack out.",
    )


def _oracle(
    contest: Contest,
    meter: Metered,
    ledger: Ledger,
    noise_seeds: SeedPath,
    ids: list[int],
    prepared: State | None,
    progress: Callable[[int], None],
) -> Oracle:
    noise = NoiseSource(noise_seeds, ids) if contest.contender.facts.stochastic else None
    asker = Asker(meter, contest.facts.classes, contest.device, contest.exact)
    return ORACLES[contest.needs](asker, ledger, noise, prepared, progress, contest.sources)


def _compare(meter: Metered, ledger: Ledger) -> None:
    counted = (meter.rows, meter.gradients, meter.confirmations)
    charged = (int(ledger.queries.sum()), int(ledger.gradients.sum()), ledger.confirmations)
    if counted != charged:
        raise JudgeMismatch(
            f"judge: queries, gradients and confirmations answered must equal those charged, got {counted} answered,"
            f" {charged} charged. Something asked the contender past the oracle."
        )


def _keep_to(threat: Threat, ledger: Ledger) -> None:
    """The ledger stops rows by itself, unless somebody changed its rules."""
    for name, spent, limit in (
        ("queries", ledger.queries, threat.max_queries),
        ("gradients", ledger.gradients, threat.max_gradients),
    ):
        if limit is not None and len(spent) and int(spent.max()) > limit:
            raise JudgeMismatch(f"judge: {name} of a row must be <= {limit}, got {int(spent.max())}.")


def _trace(examples: Examples, goal: ClassGoal, group: Tensor, ledger: Ledger) -> list[dict[str, Any]]:
    rows = group.tolist()
    return [
        {
            "example_id": int(examples.ids[rows[step.row]]),
            "target": None if goal.target is None else int(goal.target[rows[step.row]]),
            "query": step.query,
            "distance": step.distance,
        }
        for step in sorted(ledger.trace, key=lambda step: (step.row, step.query))
    ]


def _names(rows: list[dict[str, Any]]) -> list[str]:
    return [f"{row['example_id']}" + ("" if row["target"] is None else f"-{row['target']}") for row in rows]


def _on(x: Any, device: torch.device) -> Any:
    return x if isinstance(x, tuple) else x.to(device)


__all__ = ["Contest", "Opinion", "Outcome", "prepare", "run_shard"]
