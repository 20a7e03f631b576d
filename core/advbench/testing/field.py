"""Where the kit's contests are held: points, contenders with known answers, and the rules."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from advbench import Bounds, Contender, ContenderFacts, DatasetFacts, Draws, Examples, Modality, Norm
from advbench.builtin.distances import L0, L1, L2, Linf, Words

from .toys import BOUNDS, LinearContender, TextContender, ThresholdContender, _Toy, grid_examples

SHAPES: Mapping[Modality, tuple[int, ...] | None] = {
    Modality.TABULAR: (4,),
    Modality.SERIES: (8, 1),
    Modality.IMAGE: (1, 8, 8),
    Modality.TEXT: None,
}
_DISTANCES = {Norm.L0: L0(), Norm.L1: L1(), Norm.L2: L2(), Norm.LINF: Linf()}
CPU = torch.device("cpu")


class StripesContender(_Toy):
    """Class k where the first number is nearest to centres[k]; its scores are smooth."""

    def __init__(self, centres: Sequence[float] = (0.5, 1.0, 1.5)) -> None:
        self.centres = torch.tensor(centres)

    def scores(self, x: Tensor, *, noise: Draws | None = None) -> Tensor:
        gaps: Tensor = (x.flatten(1)[:, :1] - self.centres.to(x)).square()
        return -gaps


@dataclass(frozen=True)
class Field:
    """One kind of input. Numbers lie in [-1, 3], so that a clip written for [0, 1] shows."""

    modality: Modality

    @property
    def shape(self) -> tuple[int, ...] | None:
        return SHAPES[self.modality]

    @property
    def bounds(self) -> Bounds | None:
        return None if self.shape is None else BOUNDS

    def facts(self, classes: int = 2) -> DatasetFacts:
        """Those of a data set of such points."""
        return DatasetFacts(
            modality=self.modality, shape=self.shape, classes=classes, bounds=self.bounds, digest="conformance"
        )

    def distances(self) -> dict[Norm, Any]:
        """By norm: callables (x, x_adv) -> float64 (N,)."""
        if self.shape is None:
            return {Norm.WORDS: functools.partial(_measure, Words(), 1.0)}
        return {norm: functools.partial(_measure, one, BOUNDS.width) for norm, one in _DISTANCES.items()}

    def near(self, threshold: float, n: int, *, side: int = 0, reach: float = 0.5) -> Examples:
        """n examples whose first number lies 1/8 to `reach` from the threshold; their label is on which side.

        side: 1 puts all above, -1 all below, 0 half each. Text: four or six good words of ten.
        """
        above = torch.arange(n) % 2 == 0 if side == 0 else torch.full((n,), side > 0)
        if self.shape is None:
            texts = tuple(" ".join(["good", "bad"] * 4 + ["good" if up else "bad"] * 2) for up in above.tolist())
            return Examples(torch.arange(100, 100 + n), texts, above.long())
        examples, x = self._scattered(n)
        away = (torch.linspace(0.125, reach, n) * 64).round() / 64
        x[:, 0] = threshold + torch.where(above, away, -away)
        return Examples(examples.ids, x.reshape(n, *self.shape), above.long())

    def easy(self, threshold: float = 1.0) -> Contender:
        """One number, or the share of good words, decides."""
        if self.shape is None:
            return TextContender()
        return ThresholdContender(threshold)

    def linear(self) -> LinearContender:
        """Every number counts, by powers of two of either sign."""
        assert self.shape is not None
        count = torch.Size(self.shape).numel()
        weights = tuple((-1.0) ** i * 2.0 ** -(i % 3) for i in range(count))
        return LinearContender(weights, bias=-sum(weights))  # its boundary passes through the middle of the bounds

    def middle(self, n: int) -> Examples:
        """n examples around the middle of the bounds, labelled as the linear contender has it."""
        assert self.shape is not None
        examples, scattered = self._scattered(n)
        x = (1 + (scattered - 1) / 4).reshape(n, *self.shape)
        return Examples(examples.ids, x, self.linear().labels(x))

    def _scattered(self, n: int) -> tuple[Examples, Tensor]:
        assert self.shape is not None
        examples = grid_examples(n, torch.Size(self.shape).numel())
        assert isinstance(examples.x, Tensor)
        return examples, examples.x


class ConstantAnswer(_Toy):
    """Says `label` to everything, whatever kind of input it is."""

    def __init__(self, label: int, facts: ContenderFacts) -> None:
        self.label, self.facts = label, facts

    def scores(self, x: Any, *, noise: Draws | None = None) -> Tensor:
        own = torch.eye(2)[self.label]
        if isinstance(x, tuple):
            return own.repeat(len(x), 1)
        nothing: Tensor = 0 * x.flatten(1).sum(dim=1, keepdim=True)  # so that it has a gradient: zero
        return own.to(x) + nothing


def hopeless(field: Field) -> ConstantAnswer:
    """A contender that nothing can move."""
    return ConstantAnswer(0, field.easy().facts)


def _measure(distance: Any, width: float, x: Any, x_adv: Any) -> Any:
    return distance(x, x_adv, width)


def lowest(modalities: frozenset[Modality]) -> Modality:
    """The smallest field that an attack serves."""
    return next(modality for modality in SHAPES if modality in modalities)
