"""The forward of all-MiniLM-L6-v2: six layers, the mean of what the last one says of each piece, of length 1."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from advbench import Arrays

from .wordpiece import WordPiece

_WIDTH, _LAYERS, _HEADS, _EPS = 384, 6, 12, 1e-12
_PIECES = 128  # of all texts that are encoded together: always as many, so that no text's bits depend on the others
_STEP = 16  # texts are filled up to a multiple of this many pieces


class SentenceEncoder:
    """Texts -> float32 (N, 384), each of length 1."""

    def __init__(self, arrays: Arrays, most: int) -> None:
        words = arrays["vocabulary"].tobytes().decode().split("\n")
        self._split, self._most = WordPiece({word: number for number, word in enumerate(words)}), most
        names = [name for name in arrays.header["arrays"] if name != "vocabulary"]
        self._weights = {name: torch.from_numpy(np.array(arrays[name])) for name in names}

    def __call__(self, texts: tuple[str, ...]) -> Tensor:
        pieces = [self._split(text, self._most) for text in texts]
        found = torch.empty(len(texts), _WIDTH)
        with torch.no_grad():
            for length, rows in _groups([len(own) for own in pieces]):
                numbers = torch.zeros(max(1, _PIECES // length), length, dtype=torch.int64)
                present = torch.zeros_like(numbers, dtype=torch.bool)
                present[:, 0] = True  # of places that are left over, so that nothing is divided by zero
                for place, row in enumerate(rows):
                    numbers[place, : len(pieces[row])] = torch.tensor(pieces[row])
                    present[place, : len(pieces[row])] = True
                found[rows] = self._forward(numbers, present)[: len(rows)]
        return found

    def _forward(self, numbers: Tensor, present: Tensor) -> Tensor:
        w, length = self._weights, numbers.shape[1]
        x = w["embeddings.word_embeddings.weight"][numbers]
        x = x + w["embeddings.position_embeddings.weight"][:length] + w["embeddings.token_type_embeddings.weight"][0]
        x = self._norm(x, "embeddings.LayerNorm")
        hidden = torch.zeros(present.shape).masked_fill(~present, -math.inf)[:, None, None, :]
        for layer in range(_LAYERS):
            name = f"encoder.layer.{layer}"
            x = self._norm(x + self._attention(x, hidden, name), f"{name}.attention.output.LayerNorm")
            inner = F.gelu(self._linear(x, f"{name}.intermediate.dense"))
            x = self._norm(x + self._linear(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")
        weight = present.unsqueeze(2).float()
        return F.normalize((x * weight).sum(dim=1) / weight.sum(dim=1), dim=1)

    def _attention(self, x: Tensor, hidden: Tensor, name: str) -> Tensor:
        n, length, width = x.shape
        query, key, value = (
            self._linear(x, f"{name}.attention.self.{part}").reshape(n, length, _HEADS, -1).transpose(1, 2)
            for part in ("query", "key", "value")
        )
        shares = (query @ key.transpose(2, 3) / math.sqrt(width / _HEADS) + hidden).softmax(dim=3)
        return self._linear(
            (shares @ value).transpose(1, 2).reshape(n, length, width), f"{name}.attention.output.dense"
        )

    def _linear(self, x: Tensor, name: str) -> Tensor:
        return F.linear(x, self._weights[f"{name}.weight"], self._weights[f"{name}.bias"])

    def _norm(self, x: Tensor, name: str) -> Tensor:
        return F.layer_norm(x, (_WIDTH,), self._weights[f"{name}.weight"], self._weights[f"{name}.bias"], _EPS)


def _groups(lengths: list[int]) -> Iterator[tuple[int, list[int]]]:
    """Rows of about equal length, as many as are encoded together."""
    by_length: dict[int, list[int]] = {}
    for row, length in enumerate(lengths):
        by_length.setdefault(-(-length // _STEP) * _STEP, []).append(row)
    for length, rows in sorted(by_length.items()):
        at_once = max(1, _PIECES // length)
        for start in range(0, len(rows), at_once):
            yield length, rows[start : start + at_once]
