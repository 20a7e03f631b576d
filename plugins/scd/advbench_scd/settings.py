"""How one vote is trained: the numbers, and the tables of them that the paper and its released code give."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, get_args

Variant: TypeAlias = Literal["01", "ce", "01-bnn", "ce-bnn"]
Mode: TypeAlias = Literal["default", "released", "paper"]
InitialBias: TypeAlias = Literal["mean", "median"]
Preset: TypeAlias = Literal["cifar10", "gtsrb", "celeba", "imagenet", "ecg", "text"]
Auto: TypeAlias = Literal["auto"]
EVERYWHERE = 2**31  # a window that holds every rank


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How one vote is trained; the defaults are the paper's and its released code's for CIFAR-10.

    mode: `default` and `released` keep what gains on the batch and return the best iterate, by balanced accuracy in
    the first fifth of the iterations, then by plain plus balanced accuracy; `released` also sweeps over all biases
    first.  `paper` keeps a node's change only if the loss on the whole training set falls.  window: thresholds tried
    on each side of the refitted one, in ranks.
    """

    variant: Variant = "01"
    mode: Mode = "default"
    hidden: int = 20
    iterations: int = 1000
    batch_fraction: float = 0.75  # of the rows of each class; in paper mode of all rows, equally from each class
    step_hidden: float = 0.17
    step_final: float = 0.2
    features: int = 128  # coordinates tried per hidden step, all if there are fewer
    window: int = 20
    initial_bias: InitialBias = "mean"  # paper: -median of the projections; released code: +mean

    def __post_init__(self) -> None:
        for name, kind in (("variant", Variant), ("mode", Mode), ("initial_bias", InitialBias)):
            _check_choice(name, getattr(self, name), kind)
        for name in ("hidden", "iterations", "features", "window"):
            if getattr(self, name) < 1:
                raise ValueError(f"scd: {name} must be at least 1, got {getattr(self, name)}. Raise it.")
        if not 0 < self.batch_fraction <= 1:
            raise ValueError(
                f"scd: batch_fraction must be > 0 and <= 1, got {self.batch_fraction:g}. It is a share of the rows."
            )
        for name in ("step_hidden", "step_final"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"scd: {name} must be > 0 and finite, got {getattr(self, name)}. Give a step.")

    @property
    def cross_entropy(self) -> bool:
        return self.variant.startswith("ce")

    @property
    def binary(self) -> bool:
        """Whether all weights are signs."""
        return self.variant.endswith("bnn")


@dataclass(frozen=True, kw_only=True)
class Table:
    """The numbers that differ between data sets (released scripts; paper, sections 2 and 3)."""

    batch_fraction: float = 0.75
    step_hidden: float = 0.17
    step_final: float = 0.2
    features: int = 256


PRESETS: Mapping[Preset, Table] = MappingProxyType(
    {
        "cifar10": Table(features=128),
        "gtsrb": Table(batch_fraction=0.25, step_hidden=0.1),
        "celeba": Table(),
        "imagenet": Table(),
        "ecg": Table(batch_fraction=0.25),
        "text": Table(features=128),
    }
)


def _check_choice(name: str, value: str, kind: Any) -> None:
    if value not in get_args(kind):
        raise ValueError(f"scd: {name} must be one of {', '.join(get_args(kind))}, got {value!r}. Choose one of them.")


def iterations_for(variant: Variant, hidden: int) -> int:
    """50 for each hidden unit, ten times that with binary weights: 1000 and 10000 for the paper's 20 units."""
    return 50 * hidden * (10 if variant.endswith("bnn") else 1)


def settle(
    *,
    variant: Variant,
    mode: Mode,
    preset: Preset,
    hidden: int,
    iterations: int | Auto,
    batch_fraction: float | Auto,
    step_hidden: float | Auto,
    step_final: float | Auto,
    features: int | Auto,
    window: int | Literal["auto", "all"],
    initial_bias: InitialBias | Auto,
) -> Settings:
    """Fill in what was left at "auto": from the preset, or as the mode has it. Raises ValueError on a bad number."""
    _check_choice("preset", preset, Preset)
    table, paper = PRESETS[preset], mode == "paper"
    if window == "auto":
        window = "all" if paper else 20
    return Settings(
        variant=variant,
        mode=mode,
        hidden=hidden,
        iterations=iterations_for(variant, hidden) if iterations == "auto" else iterations,
        batch_fraction=table.batch_fraction if batch_fraction == "auto" else batch_fraction,
        step_hidden=table.step_hidden if step_hidden == "auto" else step_hidden,
        step_final=table.step_final if step_final == "auto" else step_final,
        features=table.features if features == "auto" else features,
        window=EVERYWHERE if window == "all" else window,
        initial_bias=("median" if paper else "mean") if initial_bias == "auto" else initial_bias,
    )
