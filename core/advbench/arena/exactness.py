"""Whether a contender's answer for a row depends on the rows beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor

from ..contract.protocols import Contender
from ..contract.types import Access
from .asking import Asker

_ROWS = 16
_Ask: TypeAlias = Callable[[Any, Sequence[int]], Tensor]  # (points, a seed for each) -> answers


def rows_are_exact(contender: Contender, x: Any, classes: int, device: torch.device) -> bool:
    """Ask the first 16 points in several company and compare bit by bit: scores, or labels, and gradients.

    Together, one by one, in sevens, backwards, and in calls that fill a chunk by half, three
    quarters and wholly, because products of matrices take other paths for other sizes.
    """
    facts, asker = contender.facts, Asker(contender, classes, device)

    def first_gradient(points: Any, seeds: Sequence[int]) -> Tensor:
        return asker.value_and_grad(points, every_score, facts.gradients[0], seeds)[1]

    asks: list[_Ask] = [asker.scores if facts.access >= Access.SCORES else asker.labels]
    if facts.access >= Access.GRADIENTS and facts.gradients:
        asks.append(first_gradient)
    return all(_is_exact(ask, x[:_ROWS], facts.chunk) for ask in asks)


def every_score(scores: Tensor, index: Tensor) -> Tensor:
    """A loss to which each class matters, and differently."""
    return (scores * torch.arange(1, scores.shape[1] + 1, device=scores.device)).sum(dim=1)


def _is_exact(ask: _Ask, x: Any, chunk: int) -> bool:
    together = ask(x, range(len(x)))
    for index, size in _companies(len(x), chunk):
        parts = [index[start : start + size] for start in range(0, len(index), size)]
        apart = torch.cat([ask(_take(x, part), part) for part in parts])
        if not torch.isclose(together[index], apart, rtol=0, atol=0, equal_nan=True).all():
            return False
    return True


def _companies(n: int, chunk: int) -> Iterator[tuple[list[int], int]]:
    """Which of n points to ask about, and how many at a time."""
    rows = list(range(n))
    yield from ((rows, 1), (rows, 7), (rows[::-1], n))
    for size in {chunk // 2, chunk * 3 // 4, chunk}:
        if size > n:
            yield [i % n for i in range(size)], size


def _take(x: Any, index: list[int]) -> Any:
    return tuple(x[i] for i in index) if isinstance(x, tuple) else x[index]
