"""What the attacker wants of each example."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..contract.protocols import Goal
from .rows import Flags, Ints

ABSTAINED = -1


@dataclass(frozen=True)
class ClassGoal:
    """Another class than `y`, or exactly `target`. Both int64 (N,); an abstention meets no goal."""

    y: Tensor
    target: Tensor | None = None

    def met(self, labels: Tensor, rows: Tensor) -> Tensor:
        """bool (M,): does labels[m] serve the goal of example rows[m]?"""
        return _met(self, labels, rows)  # type: ignore[no-any-return]


class HostGoal:
    """The same of labels and rows on the host."""

    def __init__(self, goal: Goal) -> None:
        self.y: Ints = goal.y.cpu().numpy()
        self.target: Ints | None = None if goal.target is None else goal.target.cpu().numpy()

    def met(self, labels: Ints, rows: Ints) -> Flags:
        """bool (M,): does labels[m] serve the goal of example rows[m]?"""
        return _met(self, labels, rows)  # type: ignore[no-any-return]


def _met(goal: Any, labels: Any, rows: Any) -> Any:
    if goal.target is not None:
        return labels == goal.target[rows]
    return (labels != goal.y[rows]) & (labels != ABSTAINED)
