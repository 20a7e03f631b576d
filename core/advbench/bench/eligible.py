"""Which examples every contender of a plan gets right: known once all are trained, and then the plan's only ones."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
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


def asked_for(plan: Plan) -> list[tuple[int, Cell]]:
    """Cells, with their numbers, whose contenders must be asked: each contender once, over the whole eval split."""
    company: dict[tuple[str, int, str], tuple[int, Cell]] = {}
    for number, cell in enumerate(plan.cells):
        if not cell.refused:
            company.setdefault((*_group(cell), cell.opponent.text), (number, replace(cell, data=_whole(cell.data))))
    return list(company.values())


def restricted(plan: Plan, request: Request, rights: Sequence[Right | None], tell: Callable[[str], None]) -> Plan:
    """The plan, each cell over those examples only that every contender of its data set and seed gets right.

    `rights` answers `asked_for(plan)`; None: the contender could not be asked, and has no say.
    `tell` hears how many are eligible. Raises EmptySelection if none are.
    """
    heard: dict[tuple[str, int], list[tuple[Cell, Right]]] = defaultdict(list)
    for (_, cell), right_ in zip(asked_for(plan), rights, strict=True):
        heard[_group(cell)] += [] if right_ is None else [(cell, right_)]
    firsts = {_group(cell): cell for cell in reversed(plan.cells)}
    decided = {group: _decided(cell, heard[group], request, tell) for group, cell in firsts.items()}
    cells = []
    for cell in plan.cells:
        data, eligible = decided[_group(cell)]
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


def _group(cell: Cell) -> tuple[str, int]:
    return cell.data.component.text, cell.seed


def _whole(data: Data) -> Data:
    return replace(data, positions=tuple(range(len(data.component.instance.labels("eval")))))


def _decided(
    cell: Cell, heard: Sequence[tuple[Cell, Right]], request: Request, tell: Callable[[str], None]
) -> tuple[Data, str]:
    """The examples of one data set and seed, and what is stored of how they were chosen."""
    whole = _whole(cell.data)
    of = len(whole.positions)
    among = [position for position in whole.positions if all(position in found for _, found in heard)]
    where = f"{cell.data.component.text}, seed {cell.seed}"
    tell(
        f"{where}: {len(among)} of {of} examples are eligible, those that every contender gets right"
        f" ({len(heard)} asked)."
    )
    ids = [heard[0][1][position] for position in among] if heard else []
    record = {
        "rule": Eligible.ALL_CORRECT.value,
        "n": len(among),
        "of": of,
        "ids": _digest(sorted(ids)),
        "contenders": _digest(_identities(asked.opponent for asked, _ in heard)),
    }
    return chosen(whole, request, among), json.dumps(record, sort_keys=True)


def _identities(opponents: Iterable[Opponent]) -> list[str]:
    """Of each, in an order that does not depend on how they were typed."""
    return sorted(json.dumps(opponent.identity, sort_keys=True) for opponent in opponents)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]
