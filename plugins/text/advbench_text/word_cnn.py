"""Kim's convolutional network over fixed word vectors (2014), as scd-sign-networks 3.4 attacks it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import skip_init

from advbench import Access, ContenderFacts, DataError, Draws, Job, State, Supply, param

from .mean_embedding import vectors_supply
from .vectors import Vectors

_FACTS = ContenderFacts(access=Access.SCORES)
_PLACES = 512  # of all texts answered together: always as many, so that no answer depends on the others
_STEP = 32  # texts are filled up to a multiple of this many words


class Network(nn.Module):
    """(N, length, width) word vectors, zero behind a text's end -> logits (N, K)."""

    def __init__(self, width: int, spans: tuple[int, ...], filters: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.spans, self.dropout = spans, dropout
        self.convolutions = nn.ModuleList(_blank(span * width, filters) for span in spans)
        self.last = _blank(filters * len(spans), classes)

    def forward(self, x: Tensor, lengths: Tensor, drop: Callable[[Tensor], Tensor] | None = None) -> Tensor:
        """lengths: int64 (N,). A filter answers wherever it touches the text; `drop`: dropout, in training."""
        found = []
        for span, convolution in zip(self.spans, self.convolutions, strict=True):
            padded = F.pad(x, (0, 0, span - 1, span - 1))
            answers = F.relu(convolution(padded.unfold(1, span, 1).transpose(2, 3).flatten(2)))
            places = torch.arange(answers.shape[1])
            outside = places[None] >= (lengths + span - 1)[:, None]
            found.append(answers.masked_fill(outside[:, :, None], 0.0).amax(dim=1))
        features = torch.cat(found, dim=1)
        logits: Tensor = self.last(features if drop is None else drop(features))
        return logits


def _blank(fan_in: int, fan_out: int) -> nn.Linear:
    """Without the usual first weights, which are drawn from the process's own generator."""
    made: nn.Linear = skip_init(nn.Linear, fan_in, fan_out)  # type: ignore[no-untyped-call]
    return made


@dataclass(frozen=True)
class WordCnn:
    """Words without a vector are left out. The vectors are not trained on, so that words which no
    training text holds count as well; they are read from where they were fetched to, not stored again.
    """

    path: Path | None = param(None, help="text file of vectors; none: GloVe 6B, 100 numbers")  # noqa: RUF009
    spans: tuple[int, ...] = param((3, 4, 5), ge=1, help="words that a filter sees, split at '/'")
    filters: int = param(100, ge=1, help="of each span")
    dropout: float = param(0.5, ge=0, lt=1, help="share of features left out while training")
    words: int = param(256, ge=1, help="read of a text; what is beyond is cut off")
    epochs: int = param(8, ge=1, help="passes over the training split")
    learning_rate: float = param(0.001, gt=0, help="Adam's step")
    weight_decay: float = param(1e-4, ge=0, help="L2 penalty on all weights")
    batch: int = param(50, ge=1, help="texts per step")

    def supply(self) -> Supply:
        """The same vectors as mean-embedding's."""
        return vectors_supply(self.path, "mean-embedding")

    def facts(self) -> ContenderFacts:
        return _FACTS

    def build(self, job: Job) -> None:
        """None: no torch network of it reads texts."""

    def fit(self, job: Job) -> CnnContender:
        contender = self._contender(job)
        _train(contender, self, job)
        return contender

    def restore(self, state: State, job: Job) -> CnnContender:
        contender = self._contender(job)
        if state.meta["vectors"] != contender.digest:
            hint = "Name the new file otherwise, or forget the old one: advbench cache prune --older-than 0."
            raise DataError(f"word-cnn: its vectors must be those it was trained with, got others. {hint}")
        contender.network.load_state_dict(dict(state.arrays))
        return contender

    def _contender(self, job: Job) -> CnnContender:
        arrays = self.supply().open()
        vectors = Vectors(arrays)
        network = Network(vectors.width, self.spans, self.filters, job.facts.classes, self.dropout)
        generator = job.rng.child("init").generator()
        for weights in network.parameters():
            limit = (6 / sum(weights.shape)) ** 0.5 if weights.dim() > 1 else 0.0  # Glorot and Bengio 2010, eq. 16
            with torch.no_grad():
                weights.copy_((torch.rand(weights.shape, generator=generator) * 2 - 1) * limit)
        return CnnContender(network, vectors, arrays.digest, self.words)


class CnnContender:
    """A trained network and the vectors of all words."""

    facts = _FACTS

    def __init__(self, network: Network, vectors: Vectors, digest: str, most: int) -> None:
        self.network, self.digest = network.eval().requires_grad_(False), digest
        self._vectors, self._most = vectors, most

    def labels(self, x: tuple[str, ...], *, noise: Draws | None = None) -> Tensor:
        """int64 (N,)."""
        return self.scores(x).argmax(dim=1)

    def scores(self, x: tuple[str, ...], *, noise: Draws | None = None) -> Tensor:
        """The logits, float32 (N, K)."""
        rows = self.rows(x)
        found = torch.empty(len(x), self.network.last.out_features)
        with torch.no_grad():
            for length, members in _groups([len(own) for own in rows]):
                x_, lengths = self.batch([rows[row] for row in members], length, max(1, _PLACES // length))
                found[members] = self.network(x_, lengths)[: len(members)]
        return found

    def state(self) -> State:
        """The network's weights, and which vectors they belong to."""
        return State(dict(self.network.state_dict()), {"vectors": self.digest})

    def rows(self, texts: tuple[str, ...]) -> list[list[int]]:
        """Of each text the rows of its words' vectors."""
        return [self._vectors.rows_of(text)[: self._most] for text in texts]

    def batch(self, rows: list[list[int]], length: int, count: int) -> tuple[Tensor, Tensor]:
        """Word vectors float32 (count, length, width) and lengths int64 (count,), both zero where nothing is."""
        vectors = self._vectors
        x, lengths = np.zeros((count, length, vectors.width), np.float32), np.zeros(count, np.int64)
        for place, own in enumerate(rows):
            x[place, : len(own)] = vectors.table[own] / vectors.scale
            lengths[place] = len(own)
        return torch.from_numpy(x), torch.from_numpy(lengths)


def _groups(lengths: list[int]) -> Iterator[tuple[int, list[int]]]:
    """Rows of texts of about equal length, as many as are answered together."""
    by_length: dict[int, list[int]] = {}
    for row, length in enumerate(lengths):
        by_length.setdefault(max(1, -(-length // _STEP)) * _STEP, []).append(row)
    for length, members in sorted(by_length.items()):
        at_once = max(1, _PLACES // length)
        for start in range(0, len(members), at_once):
            yield length, members[start : start + at_once]


def _train(contender: CnnContender, settings: WordCnn, job: Job) -> None:
    assert isinstance(job.train.x, tuple)
    rows, y = contender.rows(job.train.x), job.train.y
    network = contender.network.requires_grad_(True)
    optimiser = torch.optim.Adam(network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    generator = job.rng.child("batches").generator()
    started = time.monotonic()

    def drop(features: Tensor) -> Tensor:
        kept = torch.rand(features.shape, generator=generator) >= settings.dropout
        return features * kept / (1 - settings.dropout)

    for epoch in range(settings.epochs):
        total = 0.0
        for index in torch.randperm(len(y), generator=generator).split(settings.batch):  # type: ignore[no-untyped-call]
            own = [rows[row] for row in index.tolist()]
            x, lengths = contender.batch(own, max(1, *map(len, own)), len(own))
            loss = F.cross_entropy(network(x, lengths, drop), y[index])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            total += float(loss.detach()) * len(index)
        row: Mapping[str, float] = {"epoch": epoch, "loss": total / len(y), "seconds": time.monotonic() - started}
        job.log(row)
        job.progress(epoch + 1, settings.epochs)
    network.requires_grad_(False)
