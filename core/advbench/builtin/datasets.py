"""Small real data bundled with scikit-learn, and one made set."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from advbench import Bounds, DataError, DatasetFacts, LabelledDataset, Modality, Norm, Split, param

UNIT = Bounds(0.0, 1.0)
_SHARES = {"train": 0.7, "tune": 0.1, "eval": 0.2}
_SPLIT_SEED = 20_260_101  # fixed for ever: it decides who is in which split


@dataclass(frozen=True)
class _Table:
    """A whole set in memory, with the positions of each split. ids are row numbers."""

    x: Tensor
    y: Tensor
    where: dict[str, Tensor]
    digest: str


def _table(x: np.ndarray, y: np.ndarray, *, scale: bool = False) -> _Table:
    where = _splits(y)
    if scale:  # min-max on the training split; what lies outside its range is clipped
        low, high = x[where["train"]].min(axis=0), x[where["train"]].max(axis=0)
        x = np.clip((x - low) / (high - low), 0.0, 1.0)
    x = np.ascontiguousarray(x, dtype=np.float32)
    digest = hashlib.sha256(x.tobytes() + y.astype(np.int64).tobytes()).hexdigest()
    positions = {split: torch.from_numpy(index) for split, index in where.items()}
    return _Table(torch.from_numpy(x), torch.from_numpy(y.astype(np.int64)), positions, digest)


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

    def _describe(self, modality: Modality, eps: dict[Norm, float]) -> DatasetFacts:
        table = self._table()
        return DatasetFacts(
            modality=modality,
            shape=tuple(table.x.shape[1:]),
            classes=int(table.y.max()) + 1,
            bounds=UNIT,
            digest=table.digest,
            eps=eps,
            sizes={split: len(index) for split, index in table.where.items()},
        )

    def all_labels(self, split: Split) -> Tensor:
        table = self._table()
        return table.y[table.where[split]]

    def read(self, split: Split, positions: Tensor) -> tuple[Tensor, Tensor]:
        table = self._table()
        ids = table.where[split][positions]
        return ids, table.x[ids]


@functools.cache
def _digits() -> _Table:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return _table(bunch.images[:, None] / 16.0, bunch.target)


@dataclass(frozen=True)
class Digits(_InMemory):
    """float32 (N, 1, 8, 8) in [0, 1], ten classes."""

    def _table(self) -> _Table:
        return _digits()

    def all_facts(self) -> DatasetFacts:
        return self._describe(Modality.IMAGE, {Norm.LINF: 0.15, Norm.L2: 1.0, Norm.L1: 4.0})


@functools.cache
def _breast_cancer() -> _Table:
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer()
    return _table(bunch.data, bunch.target, scale=True)


@dataclass(frozen=True)
class BreastCancer(_InMemory):
    """float32 (N, 30) in [0, 1]; 0 malignant, 1 benign."""

    def _table(self) -> _Table:
        return _breast_cancer()

    def all_facts(self) -> DatasetFacts:
        return self._describe(Modality.TABULAR, {Norm.LINF: 0.1, Norm.L2: 0.3, Norm.L1: 0.5})


@functools.cache
def _two_moons(n: int, noise: float) -> _Table:
    from sklearn.datasets import make_moons

    x, y = make_moons(n, noise=noise, random_state=0)
    return _table(x, y, scale=True)


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
        return self._describe(Modality.TABULAR, {Norm.LINF: 0.1, Norm.L2: 0.3, Norm.L1: 0.5})
