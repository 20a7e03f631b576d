"""What the parameters of one component decide. Computed on the parsed instance; builds nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from .types import Access, Bounds, Modality, Norm


@dataclass(frozen=True, kw_only=True)
class DatasetFacts:
    """What a data set holds once its parameters are fixed.

    shape: one example without the batch axis; None for text.  bounds: None for text.
    eps: the reference size of a change per norm, in input units.  sizes: examples per split.
    digest: changes whenever any example does.
    """

    modality: Modality
    shape: tuple[int, ...] | None
    classes: int
    bounds: Bounds | None
    digest: str
    eps: Mapping[Norm, float] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)

    @property
    def features(self) -> int:
        """Numbers per example; 0 for text."""
        return math.prod(self.shape) if self.shape else 0


@dataclass(frozen=True, kw_only=True)
class ContenderFacts:
    """What a contender offers.

    gradients: names of the gradients offered, `exact` or `surrogate/...`; empty = none.
    largest_margin: the largest difference of log-space scores that can ever occur.
    classes: the largest number of classes served; None = any.
    chunk, pad: points per call, and the multiple to which a smaller last call is filled up,
    such that a row's answer never depends on its neighbours.
    """

    access: Access
    gradients: tuple[str, ...] = ()
    stochastic: bool = False
    largest_margin: float = math.inf
    classes: int | None = None
    float64: bool = False
    chunk: int = 256
    pad: int = 4


@dataclass(frozen=True, kw_only=True)
class AttackFacts:
    """What an attack with these parameters asks for.

    margin: the score margin a point must reach before the attack accepts it (kappa).
    min_classes: e.g. 3 for a loss that ranks three scores.
    """

    needs: Access
    norms: frozenset[Norm]
    margin: float = 0.0
    min_classes: int = 2
