"""TextFooler as one would write it down from the paper and the released code's rules: one document after the other.

Every candidate is put into the text, tagged in its window of nine words, compared and asked about; nothing is
remembered from one word to the next, and nothing is shared between documents. The table of near words is given.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from advbench import Wording
from advbench_text.vectors import Vectors
from advbench_textfooler.neighbours import Neighbours
from advbench_textfooler.stop_words import STOP_WORDS
from advbench_textfooler.tagger import Context, Tagger, tokens_of
from advbench_textfooler.tags import universal

Scores = Callable[[tuple[str, ...]], Tensor]
Encode = Callable[[tuple[str, ...]], Tensor]


class Forgetful(Tagger):
    """The tagger without its memory of what it has tagged."""

    def tag(self, context: Context, at: int, before: tuple[str, str]) -> str:
        self._met.clear()
        return super().tag(context, at, before)


class PlainMeans:
    """The mean embedding as one would write it down: a text's words, their vectors, their sum, divided.

    Vectors are found once for each word, in fixed point as ours are, so that the answers can be held to the same bits.
    """

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors
        self._rows: dict[str, list[int]] = {}

    def __call__(self, text: str) -> Tensor:
        """float32 (1, width)."""
        rows: list[int] = []
        for word in Wording.of(text).words:
            if word not in self._rows:
                self._rows[word] = self._vectors.rows_of(word)
            rows += self._rows[word]
        total = self._vectors.table[rows].sum(axis=0, dtype=np.int64)
        mean = total / max(1, len(rows)) / self._vectors.scale
        return torch.from_numpy(mean.astype(np.float32))[None]


@dataclass(frozen=True)
class Ended:
    """text: the adversarial one, None if there is none."""

    text: str | None
    queries: int


def attack(text: str, label: int, scores: Scores, table: Neighbours, tagger: Tagger, encode: Encode | None) -> Ended:
    """The released version, with its thresholds of .5, .5 and .1."""
    draft = Wording.of(text)
    n = len(draft)
    first = _chances(scores, [text])[0]
    if not n:
        return Ended(None, 1)
    importance = []
    blanks = [draft.replaced(i, "<oov>").text for i in range(n)]
    for chances in _chances(scores, blanks):
        other = int(np.argmax(chances))
        importance.append(first[label] - chances[label] + (chances[other] - first[other] if other != label else 0))
    queries = 1 + n
    tokens, places = tokens_of(draft)
    original = [universal(tag) for tag in tagger.tagged(tokens)]
    least = 0.1 if n < 15 else 0.5
    for i in sorted(range(n), key=lambda i: -importance[i]):
        word = draft.words[i]
        if word.lower() in STOP_WORDS:
            continue
        words = [_cased(word, other) for other, _ in table.near(word, 50, 0.5) if other != word.lower()]
        if not words:
            continue
        drafts = [draft.replaced(i, other) for other in words]
        chances = _chances(scores, [one.text for one in drafts])
        queries += len(words)
        alike = _similarities(draft, drafts, i, encode)
        fits = [_fits(one, places[i], original[places[i]], tagger) for one in drafts]
        valid = [j for j in range(len(words)) if fits[j] and alike[j] >= least]
        flips = [j for j in valid if int(np.argmax(chances[j])) != label]
        if flips:
            best = max(flips, key=lambda j: (alike[j] if encode else 0.0, -chances[j][label]))
            return Ended(drafts[best].text, queries)
        lower = [j for j in valid if chances[j][label] < first[label]]
        if lower:
            draft = drafts[min(lower, key=lambda j: chances[j][label])]
    return Ended(None, queries)


def _chances(scores: Scores, texts: list[str]) -> list[np.ndarray]:
    return list(torch.softmax(scores(tuple(texts)).double(), dim=1).numpy())


def _similarities(draft: Wording, drafts: list[Wording], i: int, encode: Encode | None) -> list[float]:
    if encode is None:
        return [1.0] * len(drafts)
    n = len(draft)
    if i >= 7 and n - i - 1 >= 7:
        start, stop = i - 7, i + 8
    elif i < 7 and n - i - 1 >= 7:
        start, stop = 0, min(15, n)
    elif i >= 7:
        start, stop = max(0, n - 15), n
    else:
        start, stop = 0, n
    windows = []
    for one in (draft, *drafts):
        gaps = ("", *one.gaps[start + 1 : stop], "")
        windows.append(Wording(one.words[start:stop], gaps).text)
    vectors = encode(tuple(windows)).double().numpy()
    found = []
    for vector in vectors[1:]:
        lengths = math.sqrt((vectors[0] ** 2).sum() * (vector**2).sum())
        cosine = float((vectors[0] * vector).sum()) / lengths if lengths else 0.0
        found.append(1 - math.acos(max(-1.0, min(1.0, cosine))))
    return found


def _fits(draft: Wording, place: int, original: str, tagger: Tagger) -> bool:
    tokens, _ = tokens_of(draft)
    start, stop = (max(0, place - 4), min(len(tokens), place + 5)) if len(tokens) > 10 else (0, len(tokens))
    new = universal(tagger.tagged(tokens[start:stop])[place - start])
    return new == original or {new, original} <= {"NOUN", "VERB"}


def _cased(word: str, new: str) -> str:
    if len(word) > 1 and word.isupper():
        return new.upper()
    return new[0].upper() + new[1:] if word[0].isupper() else new
