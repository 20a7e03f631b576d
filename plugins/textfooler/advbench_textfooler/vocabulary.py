"""Words as arrays: one run of UTF-8 bytes and where each word ends."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from advbench import Arrays, ArrayWriter


def put_words(writer: ArrayWriter, name: str, words: Sequence[str]) -> None:
    """Keep them under that name."""
    blob = [word.encode() for word in words]
    writer.put(name, np.frombuffer(b"".join(blob), np.uint8))
    writer.put(f"{name}_ends", np.cumsum([len(one) for one in blob], dtype=np.int64))


def words_of(arrays: Arrays, name: str) -> list[str]:
    """Read them back."""
    blob, ends = arrays[name].tobytes(), arrays[f"{name}_ends"].tolist()
    return [blob[start:end].decode() for start, end in zip([0, *ends], ends, strict=False)]
