"""Which examples every contender of a plan gets right: known once all are trained, and then the plan's only ones."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeAlias

import torch

from ..arena.draws import SeedPath
from ..arena.goal import ClassGoal
from ..arena.judge import Judge, right
from ..contract.protocols import Contender, Examples
from .opponents import Opponent
from .plan import Cell, Data, Plan, chosen
from .request import Eligible, Request

AT_ONCE = 1_024  # examples in memory while their clean answers are asked for

Right: TypeAlias = dict[int, int]  # position in the eval split -> example id, of what a contender gets right


def restricted(
    plan: Plan, request: Request, right_of: Callable[[Cell], Right | None], tell: Callable[[str], None]
) -> Plan:
    """The plan, each cell over those examples only that every contender of its data set and seed gets right.

    `right_of` is asked once per contender, with a cell of it over the whole eval split; None: the
    contender could not be asked, and has no say. `tell` hears how many are eligible. Raises
    EmptySelection if none are.
    """
    groups: dict[tuple[str, int], list[Cell]] = defaultdict(list)
    for cell in plan.cells:
        groups[cell.data.component.text, cell.seed].append(cell)
    decided = {key: _decided(cells, request, right_of, tell) for key, cells in groups.items()}
    cells = []
    for cell in plan.cells:
        data, eligible = decided[cell.data.component.text, cell.seed]
        cells.append(replace(cell, data=data, eligible=eligible))
    return replace(plan, cells=tuple(cells))


def clean_right(cell: Cell, contender: Contender, seeds: SeedPath, device: torch.device) -> Right:
    """What the contender gets right of the cell's examples, by the judge's own rule.

    `seeds`: the judge's in this cell, so that it will find the same once these are attacked.
    """
    found: Right = {}
    positions = cell.data.positions
    for start in range(0, len(positions), AT_ONCE):
        some = positions[start : start + AT_ONCE]
        examples = cell.data.component.instance.load("eval", some)
        x = examples.x if isinstance(examples.x, tuple) else examples.x.to(device)
        goal = ClassGoal(examples.y.to(device))
        judge = Judge(contender, cell.data.facts, cell.threat, {}, Examples(examples.ids, x, goal.y), goal, seeds)
        for row in right(judge.clean(), goal).tolist():
            found[some[row]] = int(examples.ids[row])
    return found


def _decided(
    cells: list[Cell], request: Request, right_of: Callable[[Cell], Right | None], tell: Callable[[str], None]
) -> tuple[Data, str]:
    """The examples of one data set and seed, and what is stored of how they were chosen."""
    data = cells[0].data
    of = len(data.component.instance.labels("eval"))
    whole = replace(data, positions=tuple(range(of)))
    company = {cell.opponent.text: cell for cell in cells if not cell.refused}
    answers = {name: right_of(replace(cell, data=whole)) for name, cell in company.items()}
    heard = {name: found for name, found in answers.items() if found is not None}
    among = [position for position in whole.positions if all(position in found for found in heard.values())]
    where = f"{data.component.text}, seed {cells[0].seed}"
    tell(
        f"{where}: {len(among)} of {of} examples are eligible, those that every contender gets right"
        f" ({len(heard)} asked)."
    )
    ids = [next(iter(heard.values()))[position] for position in among] if heard else []
    record = {
        "rule": Eligible.ALL_CORRECT.value,
        "n": len(among),
        "of": of,
        "ids": _digest(sorted(ids)),
        "contenders": _digest(_identities(company[name].opponent for name in heard)),
    }
    return chosen(whole, request, among), json.dumps(record, sort_keys=True)


def _identities(opponents: Iterable[Opponent]) -> list[str]:
    """Of each, in an order that does not depend on how they were typed."""
    return sorted(json.dumps(opponent.identity, sort_keys=True) for opponent in opponents)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]
