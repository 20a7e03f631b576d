"""Small real data bundled with scikit-learn, and one made set. Facts of them are known without loading anything."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from advbench import Bounds, DataError, DatasetFacts, LabelledDataset, Modality, Norm, Split, param

if TYPE_CHECKING:
    from torch import Tensor

UNIT = Bounds(0.0, 1.0)
_SHARES = {"train": 0.7, "tune": 0.1, "eval": 0.2}
_SPLIT_SEED = 20_260_101  # fixed for ever: it decides who is in which split
_TABULAR_EPS = {Norm.LINF: 0.1, Norm.L2: 0.3, Norm.L1: 0.5}


@dataclass(frozen=True)
class _Table:
    """A whole set in memory, with the positions of each split. ids are row numbers."""

    x: np.ndarray[Any, np.dtype[np.float32]]
    y: np.ndarray[Any, np.dtype[np.int64]]
    where: Mapping[str, np.ndarray[Any, np.dtype[np.int64]]]
    digest: str

    def describe(self, modality: Modality, eps: Mapping[Norm, float]) -> DatasetFacts:
        """What it holds."""
        return DatasetFacts(
            modality=modality,
            shape=self.x.shape[1:],
            classes=int(self.y.max()) + 1,
            bounds=UNIT,
            digest=self.digest,
            eps=eps,
            sizes={split: len(index) for split, index in self.where.items()},
        )


def _table(x: np.ndarray, y: np.ndarray, *, scale: bool = False) -> _Table:
    where = _splits(y)
    if scale:  # min-max on the training split; what lies outside its range is clipped
        low, high = x[where["train"]].min(axis=0), x[where["train"]].max(axis=0)
        x = np.clip((x - low) / (high - low), 0.0, 1.0)
    x, y = np.ascontiguousarray(x, dtype=np.float32), y.astype(np.int64)
    return _Table(x, y, where, hashlib.sha256(x.tobytes() + y.tobytes()).hexdigest())


def _splits(y: np.ndarray) -> dict[str, np.ndarray]:
    """Cut every class by the same shares, so that all splits are stratified."""
    rng = np.random.default_rng(_SPLIT_SEED)
    parts: dict[str, list[np.ndarray]] = {split: [] for split in _SHARES}
    for label in np.unique(y):
        members = rng.permutation(np.flatnonzero(y == label))
        cuts = np.round(np.cumsum(list(_SHARES.values()))[:-1] * len(members)).astype(int)
        for split, part in zip(_SHARES, np.split(members, cuts), strict=True):
            parts[split].append(part)
    return {split: np.sort(np.concatenate(part)) for split, part in parts.items()}


class _InMemory(LabelledDataset):
    """Serves a `_Table`."""

    def _table(self) -> _Table:
        raise NotImplementedError

    def all_labels(self, split: Split) -> Tensor:
        import torch

        table = self._table()
        return torch.from_numpy(table.y[table.where[split]])

    def read(self, split: Split, positions: Tensor) -> tuple[Tensor, Tensor]:
        import torch

        table = self._table()
        ids = table.where[split][positions.numpy()]
        return torch.from_numpy(ids), torch.from_numpy(table.x[ids])


def _as_known(name: str, table: _Table, known: DatasetFacts) -> _Table:
    """Raise DataError if what scikit-learn brings is not what its facts promise without looking."""
    if table.describe(known.modality, known.eps) != known:
        raise DataError(
            f"{name}: its contents must be those known (digest {known.digest[:12]}…), got {table.digest[:12]}…."
            " Install scikit-learn anew."
        )
    return table


_DIGITS = DatasetFacts(
    modality=Modality.IMAGE,
    shape=(1, 8, 8),
    classes=10,
    bounds=UNIT,
    digest="8b3b6ae90863430bdef06a3f7d1ec2f6a905a53d3375655b18cf63780ad98772",
    eps={Norm.LINF: 0.15, Norm.L2: 1.0, Norm.L1: 4.0},
    sizes={"train": 1258, "tune": 180, "eval": 359},
)
_BREAST_CANCER = DatasetFacts(
    modality=Modality.TABULAR,
    shape=(30,),
    classes=2,
    bounds=UNIT,
    digest="6dff898576b8029ead77049d2551dc0faba2a8dec4a736db987d193d2260970d",
    eps=_TABULAR_EPS,
    sizes={"train": 398, "tune": 58, "eval": 113},
)


@functools.cache
def _digits() -> _Table:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return _as_known("digits", _table(bunch.images[:, None] / 16.0, bunch.target), _DIGITS)


@dataclass(frozen=True)
class Digits(_InMemory):
    """float32 (N, 1, 8, 8) in [0, 1], ten classes."""

    def _table(self) -> _Table:
        return _digits()

    def all_facts(self) -> DatasetFacts:
        return _DIGITS


@functools.cache
def _breast_cancer() -> _Table:
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer()
    return _as_known("breast-cancer", _table(bunch.data, bunch.target, scale=True), _BREAST_CANCER)


@dataclass(frozen=True)
class BreastCancer(_InMemory):
    """float32 (N, 30) in [0, 1]; 0 malignant, 1 benign."""

    def _table(self) -> _Table:
        return _breast_cancer()

    def all_facts(self) -> DatasetFacts:
        return _BREAST_CANCER


@functools.cache
def _two_moons(n: int, noise: float) -> _Table:
    """The points of scikit-learn's make_moons(n, noise=noise, random_state=0); a test compares."""
    angle = np.linspace(0, np.pi, n // 2)
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    draws = np.random.RandomState(0)
    order = draws.permutation(n)
    x = np.concatenate([upper, [1.0, 0.5] - upper])[order]
    return _table(x + draws.normal(scale=noise, size=x.shape), (order >= n // 2).astype(np.int64), scale=True)


@dataclass(frozen=True)
class TwoMoons(_InMemory):
    """float32 (N, 2) in [0, 1], two classes."""

    examples: int = param(1000, ge=20, help="points made, over all splits")
    noise: float = param(0.15, ge=0, unit="input units before scaling", help="spread of the moons")

    def _table(self) -> _Table:
        if self.examples % 2:
            raise DataError(f"two-moons: examples must be even, got {self.examples}. Use {self.examples + 1}.")
        return _two_moons(self.examples, self.noise)

    def all_facts(self) -> DatasetFacts:
        return self._table().describe(Modality.TABULAR, _TABULAR_EPS)
