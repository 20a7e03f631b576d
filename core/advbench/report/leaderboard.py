"""From stored rows to ranked tables. Needs no torch, pandas or scipy.

Norms, budgets and data sets are never mixed in one table, and nothing is averaged over attacks.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from ..records.merge import INTERRUPTED
from ..records.reader import Report
from .board import LETTERS, AttackScore, By, Leaderboard, Line, Section, shown
from .eligible import company, eligible, newest, titled
from .labels import Labels, contender_of, is_twin_of
from .outcomes import Outcome, load
from .worst import Worst, averaged, by_seed, share, spread, worst_case

_Group: TypeAlias = list[Outcome]  # the cells of one contender in one section
_MARKS = ("stochastic", "inexact", "oracle_choice")


def build(reports: Sequence[Report], by: By = "contender") -> Leaderboard:
    """Return the leaderboard of all reports together; a cell found in several counts once."""
    outcomes = newest(load(reports))
    labels = Labels([outcome.cell for outcome in outcomes])
    plain = {(*_contest(o.cell), o.cell["max_queries"]) for o in outcomes if (o.cell["eot"] or 1) == 1}
    groups: dict[tuple[Any, ...], _Group] = defaultdict(list)
    for outcome in outcomes:
        groups[*_contest(outcome.cell), _budget(outcome.cell, plain)].append(outcome)
    sections = [_section(group, labels, key[-1]) for key, group in groups.items()]
    sections.sort(
        key=lambda s: (
            s.dataset, s.norm, s.eps is None, s.eps or 0, s.max_queries or 0, s.targets or "", s.eligible or ""
        )
    )  # fmt: skip
    damaged = tuple(text for report in reports for text in report.damaged)
    return shown(Leaderboard(by, tuple(sections), damaged))


def _contest(cell: Any) -> tuple[Any, ...]:
    """What all cells of one table share, beside the budget."""
    targets = cell["targets"] if cell["targeted"] else None
    return (cell["dataset"], cell["dataset_params"], cell["norm"], cell["eps"], targets, company(cell))


def _budget(cell: Any, plain: set[tuple[Any, ...]]) -> int | None:
    """The queries allowed per example, before the default limits were multiplied by the draws of EOT.

    A limit that was typed is not multiplied: it is if the quotient is the limit of cells without EOT.
    """
    limit: int | None = cell["max_queries"]
    if limit is not None and (cell["eot"] or 1) > 1 and (*_contest(cell), limit // cell["eot"]) in plain:
        return int(limit // cell["eot"])
    return limit


def _section(outcomes: _Group, labels: Labels, budget: int | None) -> Section:
    first = outcomes[0].cell
    eps = first["eps"]
    reference = next((o.cell["reference_eps"] for o in outcomes if o.cell["reference_eps"] is not None), None)
    groups: dict[Any, _Group] = defaultdict(list)
    for outcome in outcomes:
        groups[contender_of(outcome.cell)].append(outcome)
    lines = [(group, _line(group, labels, eps, reference)) for group in groups.values()]
    return Section(
        dataset=labels.dataset(first),
        norm=first["norm"],
        eps=eps,
        reference_eps=reference,
        max_queries=budget,
        targets=first["targets"] if first["targeted"] else None,
        eligible=titled([outcome.cell for outcome in outcomes]),
        attacks=tuple(sorted({labels.attack(o.cell) for o in outcomes if not o.control})),
        lines=_ranked(lines, eps),
        refusals=_refusals(outcomes, labels),
    )


def _line(group: _Group, labels: Labels, eps: float | None, reference: float | None) -> Line:
    """Everything about one contender but its rank and its place as a twin."""
    seeds = by_seed([outcome for outcome in group if outcome.cell["status"] != "refused"])
    found = [worst_case(cells, eps, reference) for cells in seeds.values()]
    scored = [worst for worst in found if worst is not None]
    line = Line(
        contender=labels.contender(group[0].cell),
        state="scored" if scored else _state(group),
        seeds=max(len(seeds), 1),
        coverage=_coverage(group),
        missing="".join(letter for letter in LETTERS if letter not in _coverage(group)),
        marks=_marks(group, scored, labels),
        attacks=_by_attack(group, labels, eps, reference),
    )
    line = replace(line, **(_numbers(scored, labels, eps) if scored else _clean_only(group)))
    # Where all examples were chosen for being right, their share says nothing.
    return line if company(group[0].cell) is None else replace(line, clean=None)


def _numbers(scored: Sequence[Worst], labels: Labels, eps: float | None) -> dict[str, Any]:
    """The averages over seeds; `by` is the attack that was strongest for most seeds."""
    names = Counter(labels.attack(worst.strongest.cell) for worst in scored)
    by = min(names, key=lambda name: (-names[name], name))
    leading = [worst for worst in scored if labels.attack(worst.strongest.cell) == by]
    over = "broken" if any(worst.queries_over == "broken" for worst in leading) else "attacked"
    robust = averaged([worst.robust for worst in scored])
    return {
        "n": min(worst.n for worst in scored),
        "clean": averaged([worst.clean for worst in scored]),
        "robust": robust if robust.value == robust.value else None,  # NaN: no reference eps is known
        "distance": averaged([worst.distance for worst in scored]) if eps is None else None,
        "spread": spread([worst.ranked(eps) for worst in scored]),
        "by": by,
        "by_surrogate": any(worst.strongest.surrogate for worst in leading),
        "queries": float(np.mean([worst.queries for worst in leading if worst.queries_over == over])),
        "queries_over": over,
    }


def _clean_only(group: _Group) -> dict[str, Any]:
    """Clean accuracy and n where nothing else can be said; from the control if it ran."""
    told = [outcome for outcome in group if len(outcome.ids)]
    told = [outcome for outcome in told if outcome.control] or told
    if not told:
        return {}
    one_each = [cells[0] for cells in by_seed(told).values()]
    clean = averaged([share(outcome.right, np.zeros_like(outcome.right)) for outcome in one_each])
    return {"clean": clean, "n": min(len(outcome.ids) for outcome in one_each)}


def _state(group: _Group) -> str:
    attacks = [outcome for outcome in group if not outcome.control]
    if any(outcome.finished and outcome.all_blind for outcome in attacks):
        return "blind"
    if any(outcome.cell["status"] != "refused" for outcome in attacks):
        return "unfinished"
    return "refused" if attacks else "not attacked"


def _coverage(group: _Group) -> str:
    """Letters of the attacks that finished and saw something; a blind one was not faced."""
    faced = {
        letter
        for outcome in group
        if outcome.finished and not outcome.control and not outcome.all_blind
        for letter in outcome.cell["coverage"] or ""
    }
    return "".join(letter for letter in LETTERS if letter in faced)


def _marks(group: _Group, scored: Sequence[Worst], labels: Labels) -> dict[str, int]:
    """How often each remark applies: cells for most, examples for blind and unresolved, draws for eot."""
    marks = {mark: sum(bool(outcome.cell[mark]) for outcome in group) for mark in _MARKS}
    marks["surrogate"] = sum(outcome.surrogate and outcome.cell["status"] == "ok" for outcome in group)
    marks["refused"] = sum(outcome.cell["status"] == "refused" for outcome in group)
    marks["failed"] = sum(o.cell["status"] == "failed" and o.cell["code"] != INTERRUPTED for o in group)
    marks["unresolved"] = sum(worst.unresolved for worst in scored)
    marks["blind"] = sum(worst.blind for worst in scored)
    if not scored:
        marks["blind"] = sum(int(outcome.blind.sum()) for outcome in group if outcome.finished)
    asked = [outcome for outcome in group if outcome.cell["status"] != "refused"]
    draws = max((outcome.cell["eot"] or 1 for outcome in asked), default=1)
    marks["all_correct"] = min((one.n for one in map(eligible, (o.cell for o in group)) if one), default=0)
    marks["eot"] = draws if draws > 1 else 0
    per_seed = [
        {(labels.attack(o.cell), o.cell["gradient"]) for o in cells if not o.control}
        for cells in by_seed(asked).values()
    ]
    uneven = any(attacks != per_seed[0] for attacks in per_seed)
    marks["incomplete"] = sum(not outcome.finished for outcome in asked) + uneven
    return {mark: count for mark, count in marks.items() if count}


def _by_attack(group: _Group, labels: Labels, eps: float | None, reference: float | None) -> dict[str, AttackScore]:
    named: dict[str, _Group] = defaultdict(list)
    for outcome in group:
        if not outcome.control:
            named[labels.attack(outcome.cell)].append(outcome)
    return {name: _attack_score(cells, labels, eps, reference) for name, cells in named.items()}


def _attack_score(cells: _Group, labels: Labels, eps: float | None, reference: float | None) -> AttackScore:
    """One attack alone, the worst case over its gradients, averaged over seeds."""
    found = [worst_case(seed_cells, eps, reference) for seed_cells in by_seed(cells).values()]
    scored = [worst for worst in found if worst is not None]
    marks = _marks(cells, scored, labels)
    if not scored:
        states = {"blind": "blind", "refused": "refused"}
        return AttackScore(state=states.get(_state(cells), "failed"), marks=marks)
    numbers = _numbers(scored, labels, eps)
    return AttackScore(
        state="scored", robust=numbers["robust"], distance=numbers["distance"], n=numbers["n"], marks=marks
    )


def _ranked(lines: Sequence[tuple[_Group, Line]], eps: float | None) -> tuple[Line, ...]:
    """Best first, twins right below the contender they belong to; unscored lines last, by name."""
    order = sorted(lines, key=lambda pair: _rank_key(pair[1], eps))
    twins: dict[int, list[Line]] = defaultdict(list)
    own = []
    parents = _parents(order)
    for (_, line), parent in zip(order, parents, strict=True):
        if parent is None:
            own.append(line)
        else:
            twins[parent].append(line)
    ranked: list[Line] = []
    first: dict[Any, int] = {}
    for position, line in enumerate(own):
        tied = first.setdefault(_rank_key(line, eps)[:2], position)  # equal numbers share a rank
        ranked.append(replace(line, rank=tied + 1 if line.state == "scored" else None))
        ranked += [replace(twin, twin_of=line.contender) for twin in twins[id(line)]]
    return tuple(ranked)


def _rank_key(line: Line, eps: float | None) -> tuple[bool, float, float, str]:
    robust = line.robust.value if line.robust else 0.0
    first = line.distance.value if eps is None and line.distance else robust
    first = 0.0 if math.isnan(first) else first  # not one right answer: nothing to break
    return (line.state != "scored", -first, -robust, line.contender)


def _parents(lines: Sequence[tuple[_Group, Line]]) -> list[int | None]:
    """For each line, the id() of the contender's whose undefended twin it is.

    A spelling leaves out defaults, so `scd` fits `scd:votes=8` too: a contender that a longer
    spelling among the twins fits goes to that twin, and the best-ranked of the rest is taken.
    """
    named = [sorted({outcome.cell["twin_of"] for outcome in group if outcome.cell["twin_of"]}) for group, _ in lines]
    said = {text for texts in named for text in texts}
    fits: dict[str, list[int]] = {text: [] for text in said}  # positions of the contenders that each spelling fits
    for position, (group, _) in enumerate(lines):
        if not named[position]:
            for text in said:
                if is_twin_of(text, group[0].cell):
                    fits[text].append(position)
    found: list[int | None] = []
    for texts in named:
        parent = None
        for text in texts:
            longer = [set(fits[other]) for other in said if len(other) > len(text)]
            ranked = [(sum(position in better for better in longer), position) for position in fits[text]]
            if ranked and parent is None:
                parent = id(lines[min(ranked)[1]][1])
        found.append(parent)
    return found


def _refusals(outcomes: _Group, labels: Labels) -> tuple[str, ...]:
    told = set()
    for outcome in outcomes:
        cell = outcome.cell
        who = f"{labels.attack(cell)} on {labels.contender(cell)}"
        if cell["status"] != "ok" and cell["code"] != INTERRUPTED:
            told.add(f"{cell['status']}: {who}: {cell['reason'] or cell['code'] or 'no reason stored'}")
        elif outcome.all_blind:
            told.add(f"blind: {who}: hardly an example gave a signal, so no evidence")
    return tuple(sorted(told, reverse=True))  # refusals first
