"""Which examples a cell is about, and in which order."""

from __future__ import annotations

import torch
from torch import Tensor

from ..arena.draws import SeedPath
from ..contract.errors import EmptySelection, RequestError
from ..contract.protocols import Dataset


def stratified_order(labels: Tensor, digest: str) -> list[int]:
    """A fixed order of positions in which every beginning holds all classes in proportion.

    Within a class the order is shuffled by the data's digest, so that it never depends on how
    the data happens to be sorted; n examples are always the beginning of n + 1.
    """
    generator = SeedPath(0, "order", digest).generator()
    ranked: list[tuple[float, int, int]] = []
    for label in torch.unique(labels).tolist():
        members = (labels == label).nonzero().flatten()
        shuffled = members[torch.randperm(len(members), generator=generator)].tolist()
        ranked += [((rank + 0.5) / len(shuffled), label, position) for rank, position in enumerate(shuffled)]
    return [position for _, _, position in sorted(ranked)]


def select(dataset: Dataset, digest: str, name: str, how: str, n: int, seed: int) -> list[int]:
    """Positions in the eval split. `how`: first, random, or ids=3/14/15.

    Raises RequestError on an unknown id or word, EmptySelection if nothing is left.
    """
    labels = dataset.labels("eval")
    if how == "first":
        positions = stratified_order(labels, digest)[:n]
    elif how == "random":
        generator = SeedPath(seed, "select", digest).generator()
        positions = torch.randperm(len(labels), generator=generator)[:n].tolist()
    elif how.startswith("ids="):
        positions = _by_id(dataset, name, how.removeprefix("ids="))
    else:
        raise RequestError(f"run: --select must be first, random or ids=1/2/3, got '{how}'.")
    if not positions:
        raise EmptySelection(f"{name}: no example is selected. Its eval split has {len(labels)}; see --select and --n.")
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
