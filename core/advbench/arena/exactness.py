"""Whether a contender's answer for a row depends on the rows beside it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..contract.protocols import Contender
from ..contract.types import Access
from .asking import Asker

_ROWS = 16


def rows_are_exact(contender: Contender, x: Any, classes: int, device: torch.device) -> bool:
    """Ask the first 16 points together, one by one, in sevens, and backwards; compare bit by bit."""
    x = x[:_ROWS]
    asker = Asker(contender, classes, device)
    ask = asker.scores if contender.facts.access >= Access.SCORES else asker.labels
    seeds = list(range(len(x)))

    def in_groups(size: int) -> Tensor:
        return torch.cat([ask(x[i : i + size], seeds[i : i + size]) for i in range(0, len(x), size)])

    together = ask(x, seeds)
    backwards = x[::-1] if isinstance(x, tuple) else x.flip(0)
    variants = (in_groups(1), in_groups(7), ask(backwards, seeds[::-1]).flip(0))
    return all(torch.equal(together, other) for other in variants)
