"""Tiny files in the official formats, and reading a set made of them."""

import gzip
from pathlib import Path

import numpy as np
from PIL import Image

from advbench.catalog.plugins import discover
from advbench.catalog.registry import read
from advbench.catalog.resolve import Resolver

RESOLVER = Resolver(discover(), read())


def named(text):
    """The data set that one types so."""
    return RESOLVER.one("dataset", text).instance


def fetched(text, folder, any_version=True):
    """The same, after fetching it from a folder."""
    named(text).supply().fetch(path=folder, any_version=any_version)
    return named(text)


def write(path: Path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content) if isinstance(content, bytes) else path.write_text(content)
    return path


def picture(path: Path, colour, size=(8, 8), mode="RGB"):
    """A picture of one colour; JPEG keeps it nearly, the others exactly."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)
    return path


def idx(path: Path, array, zipped=False):
    head = bytes((0, 0, 8, array.ndim)) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    raw = head + array.astype(np.uint8).tobytes()
    write(path, gzip.compress(raw) if zipped else raw)


def volume(path: Path, array, order="<"):
    """A NIfTI-1 file of 16-bit numbers."""
    head = bytearray(352)
    head[:4] = np.array(348, f"{order}i4").tobytes()
    head[40:56] = np.array([3, *array.shape, 1, 1, 1, 1], f"{order}i2").tobytes()
    head[70:74] = np.array([4, 16], f"{order}i2").tobytes()
    head[108:112] = np.array(352, f"{order}f4").tobytes()
    head[344:348] = b"n+1\0"
    raw = bytes(head) + array.astype(f"{order}i2").tobytes(order="F")
    write(path, gzip.compress(raw) if path.suffix == ".gz" else raw)


def splits(dataset):
    return {split: dataset.load(split) for split in ("train", "tune", "eval")}


def check(dataset):
    """What must hold of every set: facts agree with what is loaded, ids are unique, values in bounds."""
    facts, seen = dataset.facts(), []
    for split, examples in splits(dataset).items():
        assert facts.sizes[split] == len(examples) == len(dataset.labels(split))
        assert (dataset.labels(split) == examples.y).all()
        seen += examples.ids.tolist()
        if facts.shape is not None and len(examples):
            assert tuple(examples.x.shape[1:]) == facts.shape
            assert 0 <= float(examples.x.min()) <= float(examples.x.max()) <= 1
            some = dataset.load(split, [len(examples) - 1, 0])
            assert (some.x == examples.x[[-1, 0]]).all()
    assert len(seen) == len(set(seen))
    return facts
