"""Heart beats of the PTB database as passed on by Kaggle: 187 samples each, normal or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from advbench import ArrayWriter, DataError, Modality, Norm, Resource

from .stored import StoredDataset

_FILES = ("ptbdb_normal.csv", "ptbdb_abnormal.csv")


@dataclass(frozen=True)
class PtbEcg(StoredDataset):
    """float32 (N, 187, 1) in [0, 1]: 0 normal, 1 abnormal; 14,552 beats, cut 90:10, a tenth of the 90 held out."""

    NAME: ClassVar[str] = "ptb-ecg"
    MODALITY: ClassVar[Modality] = Modality.SERIES
    EPS: ClassVar[Mapping[Norm, float]] = {Norm.LINF: 0.03, Norm.L2: 0.1, Norm.L1: 1.0}
    CUTS: ClassVar[tuple[str, ...]] = ("published", "paper")

    def resource(self) -> Resource:
        return Resource(
            name="ptb-ecg", license="ODC-By 1.0 (PhysioNet)", layouts=(_FILES,),
            home="https://www.kaggle.com/datasets/shayanfazeli/heartbeat",
        )  # fmt: skip

    def promised(self) -> tuple[tuple[int, ...], int, Mapping[str, int]]:
        return (187, 1), 2, {"all": 14_552}

    def make(self, folder: Path, writer: ArrayWriter) -> Mapping[str, Any]:
        beats, labels = [], []
        for label, name in enumerate(_FILES):
            try:
                table = np.loadtxt(folder / name, delimiter=",", ndmin=2, dtype=np.float64)
            except ValueError as error:
                raise DataError(
                    f"{folder / name}: it must be a table of numbers, got: {error}. Get it again."
                ) from None
            if table.shape[1] != 188 or not np.isfinite(table).all() or (table[:, 187] != label).any():
                raise DataError(f"{folder / name}: rows must be 187 numbers and {label}, got others. Get it again.")
            beats.append(table[:, :187])
            labels.append(np.full(len(table), label, np.int64))
        writer.put("x", np.concatenate(beats).astype(np.float32)[:, :, None])
        writer.put("y", np.concatenate(labels))
        return {"classes": 2, "names": ["normal", "abnormal"], "paper_shares": (81, 9, 10)}
