"""Data of the user's own, read from where it lies when first used, and again when it changes."""

from __future__ import annotations

import hashlib
import math
import os
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from advbench import (
    Arrays,
    ArrayWriter,
    DataAbsent,
    DataError,
    DatasetFacts,
    Modality,
    Norm,
    ParamError,
    Resource,
    Supply,
    param,
)

from .labels import numbered
from .own_texts import labelled_texts
from .pictures import Mode, Picture, pictures_in, write_pictures
from .splits import EVAL, TRAIN, TUNE
from .stored import StoredDataset
from .table import Schema
from .tabular import TABULAR_EPS, TableDataset
from .text import TEXT_EPS, read_texts, write_texts

IMAGE_EPS: Mapping[Norm, float] = {Norm.LINF: 8 / 255, Norm.L2: 0.5, Norm.L1: 12.0}
_PARTS = {"train": TRAIN, "training": TRAIN, "tune": TUNE, "val": TUNE, "valid": TUNE, "validation": TUNE,
          "test": EVAL, "eval": EVAL}  # fmt: skip

_DAMAGED = (
    OSError, ValueError, AttributeError, EOFError, RuntimeError, LookupError, TypeError, OverflowError, MemoryError,
    zlib.error, struct.error,
)  # fmt: skip


@dataclass(frozen=True)
class OwnDataset(StoredDataset):
    """Nothing is fetched: `path` is read, and read again when it changes."""

    FOLDER: ClassVar[bool] = False  # whether it is one, and no file

    path: Path | None = param(None, help="where it lies", positional=True)  # noqa: RUF009

    @property
    def spelling(self) -> str:
        return f"{self.NAME}:{self._there().resolve()}"

    def supply(self) -> Supply:
        path = self._there()
        decides = {name: value for name, value in vars(self).items() if name not in ("classes", "split")}
        made = repr((sorted(decides.items()), _stamp(path)))
        return Supply(
            spelling=self.spelling,
            key=f"{self.NAME}-{hashlib.sha256(made.encode()).hexdigest()[:16]}",
            resource=self.resource(),
            make=self.make,
        )

    def resource(self) -> Resource:
        wanted = () if self._there().is_dir() else (self._there().name,)
        return Resource(name=self.NAME, license="your own", home="your own files", layouts=(wanted,))

    def arrays(self) -> Arrays:
        supply = self.supply()
        if not self.is_here():
            path = self._there()
            supply.fetch(path=path if path.is_dir() else path.parent)
        return super().arrays()

    def facts(self) -> DatasetFacts:
        if self.path is not None:
            self.arrays()
            return super().facts()
        return self._facts((1,), 0, "", {})  # listed, not used

    def _there(self) -> Path:
        if self.path is None:
            raise DataAbsent(f"{self.NAME}: path must name it, got nothing. Write {self.NAME}:PATH.")
        if not (self.path.is_dir() if self.FOLDER else self.path.is_file()):
            wanted = "folder" if self.FOLDER else "file"
            got = f"{self.path}, a {'file' if self.FOLDER else 'folder'}" if self.path.exists() else f"no {self.path}"
            raise DataAbsent(f"{self.NAME}: path must name a {wanted} that is there, got {got}. Check where you stand.")
        return self.path


def _stamp(path: Path) -> list[tuple[str, int, int]]:
    """Names, sizes and times of all files: what changes when they do."""
    if path.is_file():
        return [(str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns)]
    found = []
    for folder, _, names in os.walk(path):
        for name in names:
            file = os.path.join(folder, name)
            try:
                known = os.stat(file)
            except OSError as error:
                raise DataError(f"{file}: it must be readable, got: {error.strerror}. Remove it.") from None
            found.append((file, known.st_size, known.st_mtime_ns))
    return sorted(found)


@dataclass(frozen=True)
class ImageFolder(OwnDataset):
    """float32 (N, C, H, W) in [0, 1]: a folder for each class, perhaps below train, val and test."""

    NAME: ClassVar[str] = "image-folder"
    FOLDER: ClassVar[bool] = True
    MODALITY: ClassVar[Modality] = Modality.IMAGE
    EPS: ClassVar[Mapping[Norm, float]] = IMAGE_EPS

    size: tuple[int, ...] | None = param(
        None, ge=1, unit="pixels", help="height/width to resize to; none = as they are"
    )
    mode: Mode | None = param(None, help="colours to convert to; none = as they are")  # noqa: RUF009

    def make(self, folder: Path, writer: ArrayWriter) -> Mapping[str, Any]:
        below = [one for one in sorted(folder.glob("*/")) if not one.name.startswith(".")]
        parts = [one for one in below if one.name.lower() in _PARTS]
        homes = [(one, part, _PARTS[part.name.lower()]) for part in parts for one in sorted(part.glob("*/"))]
        if not parts:
            homes = [(one, folder, TRAIN) for one in below]
        if not homes:
            raise DataError(
                f"{folder}: it must hold a folder for each class, got none. Sort the pictures into folders."
            )
        _, names = numbered(str(folder), [one.name for one, _, _ in homes])
        pictures = [Picture(path, names.index(one.name), part) for one, _, part in homes for path in pictures_in(one)]
        empty = sorted(set(range(len(names))) - {picture.label for picture in pictures})
        if empty:
            raise DataError(
                f"{folder}: each class must have pictures, got none of '{names[empty[0]]}'. Remove its folder."
            )
        size = None if self.size is None else (self.size[0], self.size[-1])
        write_pictures(writer, pictures, size, self.mode)
        return {"classes": len(names), "names": names}


@dataclass(frozen=True)
class Npz(OwnDataset):
    """Arrays x and y, or x_train, y_train, x_test, y_test: pictures (N, [C,] H, W) or (N, H, W, C).

    Bytes are divided by 255, other numbers scaled by their range on the training split.
    """

    NAME: ClassVar[str] = "npz"
    MODALITY: ClassVar[Modality] = Modality.IMAGE
    EPS: ClassVar[Mapping[Norm, float]] = IMAGE_EPS

    def make(self, folder: Path, writer: ArrayWriter) -> Mapping[str, Any]:
        path = self._there()
        found = _loaded(path)
        pairs = [("x", "y", TRAIN)] if "x" in found else [("x_train", "y_train", TRAIN), ("x_test", "y_test", EVAL)]
        pairs += [("x_tune", "y_tune", TUNE)] if "x_tune" in found else []
        missing = [name for x, y, _ in pairs for name in (x, y) if name not in found]
        if missing:
            got = ", ".join(sorted(found)) or "none"
            raise DataError(
                f"{path}: it must hold x and y, or x_train, y_train, x_test, y_test, got {got}. Rename them."
            )
        for x, y, _ in pairs:
            if found[y].ndim != 1 or len(found[x]) != len(found[y]):
                raise DataError(f"{path}: {y} must have one label for each of {x}, got {found[y].shape}. Correct it.")
        inputs = self.shaped(path, np.concatenate([found[name] for name, _, _ in pairs]))
        labels, names = numbered(str(path), list(np.concatenate([found[name] for _, name, _ in pairs])))
        if not np.isfinite(inputs).all():
            raise DataError(f"{path}: x must be finite, got NaN or infinity. Clean the data first.")
        writer.put("x", inputs)
        writer.put("y", labels)
        if len(pairs) > 1:
            writer.put("part", np.concatenate([np.full(len(found[x]), part, np.uint8) for x, _, part in pairs]))
        return {"classes": len(names), "names": names}

    def shaped(self, path: Path, x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """In this project's order of axes, as uint8 or float32."""
        if x.ndim == 3:
            x = x[:, None]
        if x.ndim != 4 or (x.shape[1] not in (1, 3) and x.shape[3] not in (1, 3)):
            hint = "Reorder its axes; npz-series reads series."
            raise DataError(f"{path}: x must be pictures of 1 or 3 colours, got {x.shape}. {hint}")
        return _numeric(path, x if x.shape[1] in (1, 3) else x.transpose(0, 3, 1, 2))


@dataclass(frozen=True)
class NpzSeries(Npz):
    """The same of series: x (N, T) or (N, T, C)."""

    NAME: ClassVar[str] = "npz-series"
    MODALITY: ClassVar[Modality] = Modality.SERIES
    EPS: ClassVar[Mapping[Norm, float]] = {Norm.LINF: 0.03, Norm.L2: 0.1, Norm.L1: 1.0}

    def shaped(self, path: Path, x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        if x.ndim not in (2, 3):
            raise DataError(f"{path}: x must be series (N, T) or (N, T, C), got {x.shape}. Reorder its axes.")
        return _numeric(path, x if x.ndim == 3 else x[:, :, None]).astype(np.float32)


def _numeric(path: Path, x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    if x.dtype.kind not in "fiu":
        raise DataError(f"{path}: x must be numbers, got {x.dtype}. Convert it.")
    return x if x.dtype == np.uint8 else x.astype(np.float32)


def _loaded(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    try:
        with zipfile.ZipFile(path) as archive:
            _check_sizes(archive)
        with np.load(path, allow_pickle=False) as found:
            return {name: found[name] for name in found.files}
    except (*_DAMAGED, zipfile.BadZipFile) as error:
        hint = "Arrays of objects are not read: they would run code."
        raise DataError(f"{path}: it must be an .npz file of plain arrays, got: {error}. {hint}") from None


def _check_sizes(archive: zipfile.ZipFile) -> None:
    """Raise ValueError if there is more than fits, or an array that is not as long as its header says."""
    whole = sum(info.file_size for info in archive.infolist())
    if whole > os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2:
        raise ValueError(f"{whole:,} bytes, too many for this machine's memory")
    for info in archive.infolist():
        with archive.open(info) as file:
            read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
            version = np.lib.format.read_magic(file)
            if version not in read:
                raise ValueError(f"{info.filename} in version {version}")
            shape, _, dtype = read[version](file)
            if math.prod(shape) * dtype.itemsize != info.file_size - file.tell() and not dtype.hasobject:
                raise ValueError(f"{info.filename} of shape {shape} in {info.file_size:,} bytes")


@dataclass(frozen=True)
class Csv(OwnDataset, TableDataset):
    """A header line and rows: CSV, or tabs, or JSON lines, or Parquet.

    float32 (N, D) in [0, 1], of numbers and a column with the label; with `text`, texts and their labels.
    """

    NAME: ClassVar[str] = "csv"
    MODALITY: ClassVar[Modality] = Modality.TABULAR
    EPS: ClassVar[Mapping[Norm, float]] = TABULAR_EPS

    label: str = param("label", help="the column to predict")
    text: str | None = param(None, help="the column of texts: the set is texts, and other columns are not read")
    drop: tuple[str, ...] = param((), help="columns to leave out")
    groups: tuple[str, ...] = param((), help="one-hot groups: `job` for columns job_clerk, job_nurse, …")
    immutable: tuple[str, ...] = param((), help="columns and groups that nobody can change")

    def __post_init__(self) -> None:
        super().__post_init__()
        of_tables = next((name for name in ("drop", "groups", "immutable") if getattr(self, name)), None)
        if self.text is not None and of_tables is not None:
            raise ParamError(f"{of_tables} must be left out of texts, got it beside text={self.text}. Drop one.")
        if self.text == self.label:
            raise ParamError(f"text and label must be two columns, got '{self.label}' for both. Name the other one.")

    def all_facts(self) -> DatasetFacts:
        if self.text is None:
            return super().all_facts()
        known = StoredDataset.all_facts(self)
        return replace(known, modality=Modality.TEXT, shape=None, bounds=None, eps=TEXT_EPS)

    def make(self, folder: Path, writer: ArrayWriter) -> Mapping[str, Any]:
        path = self._there()
        if self.text is None:
            return self.keep(path, Schema(self.label, self.drop, self.groups, self.immutable), writer)
        texts, labels = labelled_texts(path, self.text, self.label)
        y, names = numbered(str(path), labels)
        writer.put("y", y)
        return {"classes": len(names), "names": names, "distinct": write_texts(writer, texts)}

    def inputs(self, arrays: Arrays, ids: Any) -> Any:
        return super().inputs(arrays, ids) if self.text is None else read_texts(arrays, ids)


@dataclass(frozen=True)
class Parquet(Csv):
    """The same of a Parquet file."""

    NAME: ClassVar[str] = "parquet"
