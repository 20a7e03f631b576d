"""Which examples a cell is about, and in which order."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..arena.draws import SeedPath
from ..contract.errors import EmptySelection, RequestError
from ..contract.protocols import Dataset


def stratified_order(labels: Tensor, digest: str, n: int | None = None) -> list[int]:
    """A fixed order of positions, or its first n, in which every beginning holds all classes in proportion.

    Within a class the order is shuffled by the data's digest, so that it never depends on how
    the data happens to be sorted; n examples are always the beginning of n + 1.
    """
    generator = SeedPath(0, "order", digest).generator()
    sizes = torch.unique(labels, return_counts=True)[1].tolist()
    members = torch.split(labels.argsort(stable=True), sizes)
    shuffled = [iter(some[torch.randperm(len(some), generator=generator)].tolist()) for some in members]
    turns = _turns(sizes, len(labels) if n is None else min(n, len(labels)))
    return [next(shuffled[which]) for which in turns]


def _turns(sizes: list[int], n: int) -> list[int]:
    """Which class comes next, n times, such that no class is ever a whole example away from its share.

    Tijdeman 1980, the chairman assignment problem: of the classes that lag by enough, the one
    that would be late first. In whole numbers, so that ties fall alike everywhere.
    """
    size = torch.tensor(sizes, dtype=torch.int64)
    total, slack = int(size.sum()), max(1, 2 * len(sizes) - 2)
    given, turns = torch.zeros_like(size), []
    for turn in range(1, n + 1):
        lag = slack * (turn * size - given * total)
        due = ((slack - 1) * total - lag).double() / size
        which = int(torch.where(lag >= total, due, torch.inf).argmin())
        given[which] += 1
        turns.append(which)
    return turns


def select(
    dataset: Dataset, digest: str, name: str, how: str, n: int, seed: int, among: Sequence[int] | None = None
) -> list[int]:
    """Positions in the eval split. `how`: first, random, or ids=3/14/15; `among`: positions that may be chosen.

    Raises RequestError on an unknown id or word, EmptySelection if nothing is left.
    """
    labels = dataset.labels("eval")
    allowed = torch.arange(len(labels)) if among is None else torch.tensor(among, dtype=torch.int64)
    if how == "first":
        positions = allowed[stratified_order(labels[allowed], digest, n)].tolist()
    elif how == "random":
        generator = SeedPath(seed, "select", digest).generator()
        positions = allowed[torch.randperm(len(allowed), generator=generator)[:n]].tolist()
    elif how.startswith("ids="):
        inside = set(allowed.tolist())
        positions = [one for one in _by_id(dataset, name, how.removeprefix("ids=")) if one in inside]
    else:
        raise RequestError(f"run: --select must be first, random or ids=1/2/3, got '{how}'.")
    if not positions:
        told = f"no example is selected. Its eval split has {len(labels)}"
        told += "" if among is None else f", of which {len(allowed)} are eligible"
        raise EmptySelection(f"{name}: {told}; see --select, --n and --eligible.")
    return positions


def _by_id(dataset: Dataset, name: str, text: str) -> list[int]:
    try:
        wanted = [int(part) for part in text.split("/") if part]
    except ValueError:
        raise RequestError(f"run: --select ids= must be whole numbers split at '/', got '{text}'.") from None
    where = {int(i): position for position, i in enumerate(dataset.load("eval").ids.tolist())}
    for one in wanted:
        if one not in where:
            some = ", ".join(str(i) for i in sorted(where)[:5])
            raise RequestError(f"run: --select ids={one}: {name}'s eval split has no such example. It has {some}, …")
    return [where[one] for one in dict.fromkeys(wanted)]
