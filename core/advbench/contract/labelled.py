"""A helper for authors of data sets: picking classes and splits is the same for all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .errors import ParamError
from .facts import DatasetFacts
from .params import param
from .protocols import Examples, Split

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class LabelledDataset:
    """Base for data sets with class labels: gives them `classes=3/8`, facts and loading.

    Subclasses define `all_facts()`, `all_labels(split)` and `read(split, positions)` over all
    classes; labels there are 0..K-1.
    """

    classes: tuple[int, ...] | None = param(
        None, ge=0, help="keep only these classes and relabel them 0, 1, ... in this order"
    )

    def all_facts(self) -> DatasetFacts:
        raise NotImplementedError

    def all_labels(self, split: Split) -> Tensor:
        """int64 (N,)."""
        raise NotImplementedError

    def read(self, split: Split, positions: Tensor) -> Any:
        """(ids int64 (M,), x) of those positions."""
        raise NotImplementedError

    def facts(self) -> DatasetFacts:
        whole = self.all_facts()
        if self.classes is None:
            return whole
        chosen = self._chosen(whole)
        text = json.dumps([whole.digest, chosen])
        sizes = {split: len(self._positions(split)) for split in whole.sizes}  # type: ignore[arg-type]
        return replace(whole, classes=len(chosen), digest=hashlib.sha256(text.encode()).hexdigest(), sizes=sizes)

    def labels(self, split: Split) -> Tensor:
        return self._relabel(self.all_labels(split)[self._positions(split)])

    def load(self, split: Split, positions: Sequence[int] | None = None) -> Examples:
        import torch

        where = self._positions(split)
        if positions is not None:
            where = where[torch.as_tensor(positions, dtype=torch.int64)]
        ids, x = self.read(split, where)
        return Examples(ids=ids, x=x, y=self._relabel(self.all_labels(split)[where]))

    def _chosen(self, whole: DatasetFacts) -> tuple[int, ...]:
        chosen = self.classes or ()
        if len(set(chosen)) < 2 or len(set(chosen)) != len(chosen) or max(chosen) >= whole.classes:
            got = "/".join(str(c) for c in chosen) or "none"
            raise ParamError(
                f"classes must be at least two different numbers from 0 to {whole.classes - 1}, got {got}."
                " A contest needs two classes."
            )
        return chosen

    def _positions(self, split: Split) -> Tensor:
        import torch

        labels = self.all_labels(split)
        if self.classes is None:
            return torch.arange(len(labels))
        self._chosen(self.all_facts())
        return torch.isin(labels, torch.tensor(self.classes)).nonzero().flatten()

    def _relabel(self, labels: Tensor) -> Tensor:
        if self.classes is None:
            return labels
        out = labels.clone()
        for new, old in enumerate(self.classes):
            out[labels == old] = new
        return out
