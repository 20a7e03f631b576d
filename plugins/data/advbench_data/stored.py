"""The base of all sets that are fetched once and then read from memory-mapped arrays."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from advbench import (
    Arrays,
    ArrayWriter,
    Bounds,
    DataError,
    DatasetFacts,
    LabelledDataset,
    Modality,
    Norm,
    Resource,
    Split,
    Supply,
    param,
)  # fmt: skip

from .splits import PUBLISHED, SPLITS, Rule, check_rule, positions

if TYPE_CHECKING:
    from torch import Tensor

_ROWS = 1024  # converted at a time


@dataclass(frozen=True)
class StoredDataset(LabelledDataset):
    """Reads arrays `x`, `y` and perhaps `part` and `group`; ids are row numbers there.

    Subclasses fill the class variables and give `resource()`, `make()` and, if anything is known
    beforehand, `promised()`. Images are kept as uint8 (N, C, H, W) and divided by 255; other
    numbers are scaled to [0, 1] by their range on the training split, and clipped to it.
    """

    NAME: ClassVar[str]  # as registered
    MODALITY: ClassVar[Modality]
    EPS: ClassVar[Mapping[Norm, float]]  # the reference size of a change
    CUTS: ClassVar[tuple[str, ...]] = (PUBLISHED,)  # what `split` may say, beside shares

    split: Literal["published", "paper", "patient"] | tuple[int, ...] = param(
        PUBLISHED,
        help="as published, a tenth of the training part held out; medical sets: as the paper cut them, or that by"
        " whole patients; or shares train/tune/eval as 5/1/1",
    )

    def __post_init__(self) -> None:
        check_rule(self.split, self.CUTS)

    @property
    def spelling(self) -> str:
        """What a user types to fetch it: the name and the parameters that decide what is made."""
        return self.NAME

    def resource(self) -> Resource:
        """Where it comes from."""
        raise NotImplementedError

    def make(self, folder: Path, writer: ArrayWriter) -> Mapping[str, Any]:
        """Read the official files, create the arrays, return notes: at least `classes`."""
        raise NotImplementedError

    def promised(self) -> tuple[tuple[int, ...], int, Mapping[str, int]]:
        """What is known of it before it is fetched: shape, classes (0 = not known), how many there are."""
        return (1,), 0, {}

    def published(self) -> str | None:
        """The digest of the arrays made from the published files, if there is one version of them."""
        return None

    def supply(self) -> Supply:
        """What `advbench data fetch` does for it."""
        return Supply(
            spelling=self.spelling,
            key=_key(self.spelling),
            resource=self.resource(),
            make=self.make,
            digest=self.published(),
        )

    def is_here(self) -> bool:
        """Whether it was fetched, and is whole as far as the header tells."""
        try:
            return self.supply().find() is not None
        except DataError:
            return False  # whoever reads it is told; whoever fetches it again is not held up

    def facts(self) -> DatasetFacts:
        if self.is_here():
            return super().facts()
        whole = self.all_facts()
        chosen = self._chosen(whole) if self.classes is not None and whole.classes else ()
        return replace(whole, classes=len(chosen), sizes={}) if chosen else whole

    def all_facts(self) -> DatasetFacts:
        if not self.is_here():
            shape, classes, sizes = self.promised()
            return self._facts(shape, classes, "", sizes)
        arrays = self.arrays()
        where = positions(arrays, self.split)
        shape = tuple(arrays.header["arrays"]["x"]["shape"][1:])
        sizes = {split: len(where[split]) for split in SPLITS}
        return self._facts(shape, int(arrays.meta["classes"]), _digest(arrays.digest, self.split), sizes)

    def _facts(self, shape: tuple[int, ...], classes: int, digest: str, sizes: Mapping[str, int]) -> DatasetFacts:
        return DatasetFacts(
            modality=self.MODALITY, shape=shape, classes=classes, bounds=Bounds(0.0, 1.0), digest=digest,
            eps=self.EPS, sizes=sizes,
        )  # fmt: skip

    def all_labels(self, split: Split) -> Tensor:
        import numpy as np
        import torch

        arrays = self.arrays()
        return torch.from_numpy(arrays["y"][positions(arrays, self.split)[split]].astype(np.int64))

    def read(self, split: Split, positions_: Tensor) -> tuple[Tensor, Any]:
        import torch

        arrays = self.arrays()
        ids = positions(arrays, self.split)[split][positions_.numpy()]
        return torch.from_numpy(ids), self.inputs(arrays, ids)

    def inputs(self, arrays: Arrays, ids: Any) -> Any:
        """float32 (M, ...) in [0, 1], of these rows alone."""
        import numpy as np
        import torch

        x = arrays["x"]
        out = np.empty((len(ids), *x.shape[1:]), np.float32)
        for start in range(0, len(ids), _ROWS):  # a whole training split is never held twice
            rows = x[ids[start : start + _ROWS]]
            if x.dtype == np.uint8:
                np.divide(rows, np.float32(255), out=out[start : start + _ROWS])
            else:
                low, width = train_range(arrays, self.split, self.MODALITY is Modality.TABULAR)
                out[start : start + _ROWS] = np.clip((rows - low) / width, 0.0, 1.0)
        return torch.from_numpy(out)

    def arrays(self) -> Arrays:
        supply = self.supply()
        header = supply.folder / "header.json"
        return _opened(supply, header.stat().st_mtime_ns if header.exists() else 0)


@functools.lru_cache(maxsize=64)
def _opened(supply: Supply, changed: int) -> Arrays:
    """Once per process, and again when somebody has fetched it anew."""
    return supply.open()


@functools.lru_cache(maxsize=16)
def train_range(arrays: Arrays, rule: Rule, per_feature: bool) -> tuple[Any, Any]:
    """Smallest value and width on the training split: of each feature, or of all numbers together."""
    import numpy as np

    train = np.asarray(arrays["x"][positions(arrays, rule)["train"]], dtype=np.float64)
    axis = 0 if per_feature else None
    low, high = train.min(axis=axis), train.max(axis=axis)
    return low, np.where(high > low, high - low, 1.0)


def _key(spelling: str) -> str:
    """The name of a folder: the spelling where it can be one, else enough of it and its hash."""
    plain = re.sub(r"[^A-Za-z0-9._=,+-]", "-", spelling)
    mark = "" if plain == spelling.replace(":", "-") else f"-{hashlib.sha256(spelling.encode()).hexdigest()[:16]}"
    return f"{plain[:80] if mark else plain}{mark}"


def _digest(contents: str, rule: Rule) -> str:
    """Another split is another experiment."""
    return contents if rule == PUBLISHED else hashlib.sha256(json.dumps([contents, rule]).encode()).hexdigest()
