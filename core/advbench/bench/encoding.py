"""Text for contenders that read vectors: encoded on the way in, in training and in the contest alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ..catalog.resolve import Component
from ..contract.errors import PluginError
from ..contract.facts import ContenderFacts, EncoderFacts
from ..contract.protocols import Contender, Draws, Examples, Job, State
from ..contract.texts import kind_of
from ..contract.types import Access, Modality

Encode = Callable[[tuple[str, ...]], Tensor]
_AT_ONCE = 1024  # texts encoded together


class EncodedContender:
    """Answers texts as the contender inside answers their vectors. There is no gradient through an encoder."""

    def __init__(self, inner: Contender, encode: Encode, facts: ContenderFacts, device: torch.device) -> None:
        self.inner, self.facts = inner, facts
        self._encode, self._device = encode, device
        self._last: tuple[tuple[str, ...], Tensor] = ((), torch.empty(0))  # texts and vectors of the last call

    def labels(self, x: tuple[str, ...], *, noise: Draws | None = None) -> Tensor:
        """int64 (N,)."""
        return self.inner.labels(self._vectors(x), noise=noise)

    def scores(self, x: tuple[str, ...], *, noise: Draws | None = None) -> Tensor:
        """float32 (N, K)."""
        return self.inner.scores(self._vectors(x), noise=noise)

    def state(self) -> State:
        """Of the contender inside: vectors are fetched, not learnt."""
        return self.inner.state()

    def _vectors(self, x: tuple[str, ...]) -> Tensor:
        """Of texts asked about twice running, for labels and for scores, they are found once."""
        if x != self._last[0] or not x:
            self._last = x, self._encode(x).to(self._device)
        return self._last[1].clone()  # whatever the contender inside does to them


def encoded_facts(inner: ContenderFacts) -> ContenderFacts:
    """What is left of a tabular contender's offers when it is given texts."""
    return replace(inner, access=min(inner.access, Access.SCORES), gradients=(), float64=False)


class Encoding:
    """What stands between texts and a contender; without an encoder, nothing.

    The encoder's data are read when first needed, once.
    """

    def __init__(self, encoder: Component | None) -> None:
        self._encoder = encoder
        self._loaded: Encode | None = None

    def examples(self, examples: Examples) -> Examples:
        """The same, with vectors, float32 (N, width), for texts."""
        if self._encoder is None or not isinstance(examples.x, tuple):
            return examples
        texts = examples.x
        parts = [self._encode(texts[start : start + _AT_ONCE]) for start in range(0, len(texts), _AT_ONCE)]
        width = self._facts().width
        return Examples(examples.ids, torch.cat(parts) if parts else torch.empty(0, width), examples.y)

    def job(self, job: Job) -> Job:
        """A training on vectors."""
        if self._encoder is None:
            return job
        own = self._facts()
        facts = replace(
            job.facts, modality=Modality.TABULAR, shape=(own.width,), bounds=own.bounds,
            digest=f"{job.facts.digest} {own.digest}",
        )  # fmt: skip
        return replace(job, train=self.examples(job.train), tune=self.examples(job.tune), facts=facts)

    def over(self, contender: Contender, device: torch.device) -> Contender:
        """The contender that takes texts."""
        if self._encoder is None:
            return contender
        encoded: Any = EncodedContender(contender, self._encode, encoded_facts(contender.facts), device)
        taken: Contender = encoded  # without value_and_grad, as its facts say
        return taken

    def _facts(self) -> EncoderFacts:
        assert self._encoder is not None
        return self._encoder.ask("facts", self._encoder.instance.facts, EncoderFacts)

    def _encode(self, texts: tuple[str, ...]) -> Tensor:
        assert self._encoder is not None
        if self._loaded is None:
            self._loaded = encode_of(self._encoder)
        return self._loaded(texts)


def encode_of(encoder: Component) -> Encode:
    """What the encoder does with texts, its answers checked. Its data are read when it is first asked."""
    width = encoder.ask("facts", encoder.instance.facts, EncoderFacts).width
    loaded: list[Encode] = []

    def encode(texts: tuple[str, ...]) -> Tensor:
        if not loaded:
            loaded.append(encoder.instance.load())
        vectors: Any = loaded[0](texts)
        wanted = (len(texts), width)
        if not isinstance(vectors, Tensor) or vectors.dtype != torch.float32 or tuple(vectors.shape) != wanted:
            who = f"{encoder.entry.source}: encoder '{encoder.text}'"
            raise PluginError(f"{who} must give float32 {wanted}, got {kind_of(vectors)}.")
        return vectors

    return encode


def inner_of(contender: Contender) -> Contender:
    """The contender that reads vectors, of one that may read texts."""
    return contender.inner if isinstance(contender, EncodedContender) else contender
