"""An averaged perceptron that tags parts of speech from left to right (Collins 2002; weights by Honnibal 2013)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from advbench import Arrays, ArrayWriter, DataError, Wording, read_plain

from .vocabulary import put_words, words_of

Numbers: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"
WEIGHTS = "trontagger-0.1.0.pickle"
_BEFORE, _AFTER = ("-START-", "-START2-"), ("-END-", "-END2-")
START = _BEFORE  # the tags before the first word: the last one, and the one before


def make_tagger(folder: Path, writer: ArrayWriter) -> Mapping[str, Any]:
    """From the published pickle, read as data: weights (features, tags), and the words that have one tag alone."""
    path = folder / WEIGHTS
    makers: dict[tuple[str, str], Callable[..., Any]] = {
        ("collections", "defaultdict"): lambda *kind: {},
        ("__builtin__", "set"): lambda items=(): set(items),
        ("__builtin__", "dict"): dict,
    }
    found = read_plain(path.read_bytes(), str(path), makers)
    try:
        weights, known, tags = found
        tags = sorted(tags)
        place = {tag: column for column, tag in enumerate(tags)}
        features = sorted(weights)
        table = writer.create("weights", (len(features), len(tags)), np.float32)
        for row, feature in enumerate(features):
            for tag, weight in weights[feature].items():
                table[row, place[tag]] = weight
        put_words(writer, "features", features)
        words = sorted(known)
        put_words(writer, "known", words)
        writer.put("known_tags", np.array([place[known[word]] for word in words], np.int16))
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise DataError(f"{path}: it must hold weights, known words and tags, got: {error}. Get it again.") from None
    put_words(writer, "tags", tags)
    return {"features": len(features), "tags": len(tags)}


class Tagger:
    """Tags one word after the other; the two tags before it matter, and two words on either side."""

    def __init__(self, arrays: Arrays) -> None:
        self._weights = np.asarray(arrays["weights"])  # still on disk, but a plain view: indexed faster
        self._rows = {feature: row for row, feature in enumerate(words_of(arrays, "features"))}
        self.tags: list[str] = words_of(arrays, "tags")
        known = (self.tags[tag] for tag in arrays["known_tags"].tolist())
        self._known: dict[str, str] = dict(zip(words_of(arrays, "known"), known, strict=True))
        self._met: dict[tuple[str, ...], str] = {}

    def tagged(self, words: Sequence[str]) -> list[str]:
        """Penn tags of a text."""
        context, tags, before = Context(words), [], START
        for at in range(len(words)):
            tags.append(self.tag(context, at, before))
            before = (tags[-1], before[0])
        return tags

    def tag(self, context: Context, at: int, before: tuple[str, str]) -> str:
        """Of word `at`; `before`: the tag in front of it, and the one in front of that."""
        known = self._known.get(context.words[at])
        if known is not None:
            return known
        key = (context.words[at], *before, *context.near(at))
        tag = self._met.get(key)
        if tag is None:
            if len(self._met) > 100_000:
                self._met.clear()
            tag = self._met[key] = self._best(key)
        return tag

    def _best(self, key: tuple[str, ...]) -> str:
        word, last, earlier, before2, before1, own, after1, after2 = key
        features = (
            "bias", f"i suffix {word[-3:]}", f"i pref1 {word[0]}", f"i-1 tag {last}", f"i-2 tag {earlier}",
            f"i tag+i-2 tag {last} {earlier}", f"i word {own}", f"i-1 tag+i word {last} {own}",
            f"i-1 word {before1}", f"i-1 suffix {before1[-3:]}", f"i-2 word {before2}", f"i+1 word {after1}",
            f"i+1 suffix {after1[-3:]}", f"i+2 word {after2}",
        )  # fmt: skip
        rows = [row for row in map(self._rows.get, features) if row is not None]
        scores = self._weights[rows].sum(axis=0, dtype=np.float64)
        best = int(np.flatnonzero(scores == scores.max())[-1])  # of equals the last by name
        return self.tags[best]


class Context:
    """A text's words as they are for the tagger."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = list(words)
        self._plain = [*_BEFORE, *map(_plain, words), *_AFTER]

    def near(self, at: int) -> tuple[str, ...]:
        """Two words before, the word, two words after."""
        return tuple(self._plain[at : at + 5])

    def put(self, at: int, word: str) -> None:
        """Replace a word."""
        self.words[at] = word
        self._plain[at + 2] = _plain(word)

    def part(self, start: int, stop: int) -> Context:
        """Those words alone."""
        return Context(self.words[start:stop])


def tokens_of(draft: Wording) -> tuple[list[str], list[int]]:
    """Words and marks of punctuation in their order, and where among them each word is."""
    tokens: list[str] = draft.gaps[0].split()
    places = []
    for word, gap in zip(draft.words, draft.gaps[1:], strict=True):
        places.append(len(tokens))
        tokens += [word, *gap.split()]
    return tokens, places


def _plain(word: str) -> str:
    if "-" in word and word[0] != "-":
        return "!HYPHEN"
    if word.isdigit() and len(word) == 4:
        return "!YEAR"
    return "!DIGITS" if word[0].isdigit() else word.lower()
