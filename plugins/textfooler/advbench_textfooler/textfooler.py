"""TextFooler (Jin et al. 2020)."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch

from advbench import Encoder, Perturbed, ScoreOracle, Streams, Supplied, Supply, component, param

from .conversation import Conversation
from .likeness import Encode
from .neighbours import Neighbours
from .resources import neighbours, neighbours_supply, tagger, tagger_supply
from .settings import PRESETS, Preset, Settings
from .steps import Log, Step, in_words
from .walk import Means, walk

Auto = Literal["auto"]


@dataclass(frozen=True)
class TextFooler:
    """The most important words first, each replaced by the near word that helps most and still passes all tests."""

    preset: Preset = param("released", positional=True, help="whose version", paper="paper")  # noqa: RUF009
    cosine: float | Auto = param("auto", ge=-1, le=1, help="least cosine of two words; auto: the preset's")  # noqa: RUF009
    similarity: float | Auto = param("auto", help="least similarity of two windows, in the preset's arithmetic")  # noqa: RUF009
    neighbours: int = param(50, ge=1, le=50, help="candidates for a word")
    speech: bool = param(True, help="whether candidates must be the same part of speech")
    vectors: Path | None = param(  # noqa: RUF009
        None, help="text file of counter-fitted vectors; none: GloVe, counter-fitted here with WordNet", paper="theirs"
    )
    sentence: Any = component(  # noqa: RUF009
        "encoder", default="minilm", help="compares windows of 15 words; none: they are not compared"
    )

    def supply(self) -> Supply:
        """What `advbench data fetch textfooler` gets: candidates, tagger and sentence encoder."""
        more = [self.sentence.supply()] if isinstance(self.sentence, Supplied) else []
        return neighbours_supply("textfooler", self.vectors, (tagger_supply("textfooler"), *more))

    def perturb(self, oracle: ScoreOracle, x: tuple[str, ...], rng: Streams) -> Perturbed:
        """All texts step together."""
        return self.explained(oracle, x, {})

    def explain(self, oracle: ScoreOracle, x: tuple[str, ...], rng: Streams, say: Callable[[str], None]) -> Perturbed:
        """The same to one text, told word by word."""

        def tell(step: Step) -> None:
            for line in in_words(step):
                say(line)

        say(f"text: {x[0]}")
        answer = self.explained(oracle, x, {0: tell})
        if answer.x != x:
            say(f"becomes: {answer.x[0]}")
        return answer

    def explained(self, oracle: ScoreOracle, x: tuple[str, ...], logs: Mapping[int, Log]) -> Perturbed:
        """The same; `logs`: by row, what is handed each step of that row's walk as it is taken."""
        table = neighbours(self.supply())
        means = Means(
            settings=self._settings(), neighbours=table, tagger=tagger() if self.speech else None,
            compares=self.sentence is not None, count=self.neighbours,
        )  # fmt: skip
        encode = None if self.sentence is None else encoder_of(self.sentence)
        labels = oracle.goal.y.tolist()
        walks = {row: walk(text, labels[row], means, logs.get(row)) for row, text in enumerate(x)}
        answer = Conversation(oracle, encode).lead(x, walks)
        return replace(answer, notes={"candidates_digest": digest_note(table, len(x))})

    def _settings(self) -> Settings:
        base = PRESETS[self.preset]
        if self.cosine != "auto":
            base = replace(base, cosine=self.cosine)
        return base if self.similarity == "auto" else replace(base, similarity=self.similarity)


def digest_note(table: Neighbours, n: int) -> torch.Tensor:
    """float64 (n,): the first twelve hexadecimal digits of the digest of the table that candidates came from."""
    return torch.full((n,), float(int(table.digest[:12], 16)), dtype=torch.float64)


def encoder_of(encoder: Encoder) -> Encode:
    """The encoder at work; read once per process."""
    known: Any = encoder  # components can be hashed
    return _encoder(known, encoder.facts().digest)


@functools.lru_cache(maxsize=1)
def _encoder(encoder: Encoder, digest: str) -> Encode:
    loaded: Encode = encoder.load()
    return loaded
