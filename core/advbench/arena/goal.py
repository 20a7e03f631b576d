"""What the attacker wants of each example."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

ABSTAINED = -1


@dataclass(frozen=True)
class ClassGoal:
    """Another class than `y`, or exactly `target`. Both int64 (N,); an abstention meets no goal."""

    y: Tensor
    target: Tensor | None = None

    def met(self, labels: Tensor, rows: Tensor) -> Tensor:
        """bool (M,): does labels[m] serve the goal of example rows[m]?"""
        if self.target is not None:
            return labels == self.target[rows]
        return (labels != self.y[rows]) & (labels != ABSTAINED)
