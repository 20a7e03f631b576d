"""What the parameters of one component decide. Computed on the parsed instance; builds nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .types import Access, Bounds, Modality, Norm


@dataclass(frozen=True, kw_only=True)
class Column:
    """One feature of a table.

    kind: `integer` moves in steps of one unit; exactly one column of a `one-hot` group is 1, the
    others 0.  low, high: what 0 and 1 stand for, in the units of the data.  mutable: whether
    anybody could change it.
    """

    name: str
    kind: Literal["number", "integer", "one-hot"]
    group: str | None = None
    low: float = 0.0
    high: float = 1.0
    mutable: bool = True


@dataclass(frozen=True, kw_only=True)
class DatasetFacts:
    """What a data set holds once its parameters are fixed.

    shape: one example without the batch axis; None for text.  bounds: None for text.
    eps: the reference size of a change per norm, in input units.  sizes: examples per split.
    digest: changes whenever any example does.  columns: of a table, in the order of the features.
    """

    modality: Modality
    shape: tuple[int, ...] | None
    classes: int
    bounds: Bounds | None
    digest: str
    eps: Mapping[Norm, float] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    columns: tuple[Column, ...] = ()

    @property
    def features(self) -> int:
        """Numbers per example; 0 for text."""
        return math.prod(self.shape) if self.shape else 0


@dataclass(frozen=True, kw_only=True)
class EncoderFacts:
    """What an encoder gives: vectors of `width` numbers inside `bounds`.

    digest: changes whenever any vector does.
    """

    width: int
    bounds: Bounds
    digest: str


@dataclass(frozen=True, kw_only=True)
class ContenderFacts:
    """What a contender offers.

    gradients: names of the gradients offered, `exact` or `surrogate/...`; empty = none.
    largest_margin: the largest difference of log-space scores that can ever occur.
    classes: the largest number of classes served; None = any.
    loss: what it was trained with: cross-entropy, or square error of the probabilities.
    chunk, pad: points per call, and the multiple to which a smaller last call is filled up,
    such that a row's answer never depends on its neighbours. Products of matrices take other
    paths, with other last bits, below 16 rows, off multiples of 16, and above 128.
    """

    access: Access
    gradients: tuple[str, ...] = ()
    stochastic: bool = False
    largest_margin: float = math.inf
    classes: int | None = None
    float64: bool = False
    loss: Literal["ce", "square"] = "ce"
    chunk: int = 128
    pad: int = 16


@dataclass(frozen=True, kw_only=True)
class AttackFacts:
    """What an attack with these parameters asks for.

    margin: the score margin a point must reach before the attack accepts it (kappa).
    min_classes: e.g. 3 for a loss that ranks three scores.
    modalities: fewer than the spec's, if these parameters serve fewer; None = all of them.
    """

    needs: Access
    norms: frozenset[Norm]
    modalities: frozenset[Modality] | None = None
    margin: float = 0.0
    min_classes: int = 2
