"""An averaged perceptron that tags parts of speech from left to right (Collins 2002; weights by Honnibal 2013)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from advbench import Arrays, ArrayWriter, DataError, Wording, read_plain

from .vocabulary import put_words, words_of

Numbers: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"
WEIGHTS = "trontagger-0.1.0.pickle"
_Frame: TypeAlias = "tuple[str | None, ...]"  # what a tag depends on, None where a word that is tried decides
_KEPT = 100_000  # tags remembered
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
        self._frames: dict[_Frame, dict[str, str]] = {}
        self._framed = 0  # tags in them

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
        return known if known is not None else self._remembered((context.words[at], *before, *context.near(at)))

    def tried(self, words: Sequence[str], at: int, others: Sequence[str]) -> dict[str, str]:
        """The tag of each of the others as if it stood at `at` among these words.

        A tag depends on those of the two words before it, and on no word farther behind than two: what is the same
        for all is found once.
        """
        context, before, first = Context(words), START, 0
        while first < at and (first < at - 2 or words[first] in self._known):
            before, first = (self.tag(context, first, before), before[0]), first + 1
        alike = {before: list(others)}  # those with the same tags in front of them
        for place in range(first, at):  # whose tags may depend on what stands at `at`
            parted: dict[tuple[str, str], list[str]] = {}
            for before, some in alike.items():
                tags = self._all_tags(context.frame(place, at, before), some)
                for kind in set(tags):
                    own = [other for other, tag in zip(some, tags, strict=True) if tag == kind]
                    parted.setdefault((kind, before[0]), []).extend(own)
            alike = parted
        tags_of: dict[str, str] = {}
        for before, some in alike.items():
            tags_of |= zip(some, self._all_tags(context.frame(at, at, before), some), strict=True)
        return tags_of

    def _remembered(self, key: tuple[str, ...]) -> str:
        tag = self._met.get(key)
        if tag is None:
            if len(self._met) > _KEPT:
                self._met.clear()
            scores = self._weights[self._features(key)].sum(axis=0, dtype=np.float64)
            best = int(np.flatnonzero(scores == scores.max())[-1])  # of equals the last by name
            tag = self._met[key] = self.tags[best]
        return tag

    def _all_tags(self, frame: _Frame, others: list[str]) -> list[str]:
        """Of the word that the frame is about, with each of the others in its gap; new ones are weighed together."""
        if self._framed > _KEPT:
            self._frames.clear()
            self._framed = 0
        met = self._frames.setdefault(frame, {})
        try:
            return list(map(met.__getitem__, others))
        except KeyError:
            new = [other for other in others if other not in met]
        self._framed += len(new)
        met |= zip(new, self._weighed([_filled(frame, other) for other in new]), strict=True)
        return list(map(met.__getitem__, others))

    def _weighed(self, keys: list[tuple[str, ...]]) -> list[str]:
        """Of each key's first word."""
        known = [self._known.get(key[0]) for key in keys]
        rows = [self._features(key) if tag is None else [] for key, tag in zip(keys, known, strict=True)]
        counts = np.array([len(own) for own in rows])
        every = np.array([*chain.from_iterable(rows), 0])
        starts = np.append(0, counts.cumsum())  # one behind the last: where nothing is left, no end is missed
        scores = np.add.reduceat(self._weights[every].astype(np.float64), starts, axis=0)[:-1]
        scores[counts == 0] = 0.0
        best = len(self.tags) - 1 - scores[:, ::-1].argmax(axis=1)
        return [self.tags[own] if tag is None else tag for own, tag in zip(best.tolist(), known, strict=True)]

    def _features(self, key: tuple[str, ...]) -> list[int]:
        """Rows of the weights."""
        word, last, earlier, before2, before1, own, after1, after2 = key
        features = (
            "bias", f"i suffix {word[-3:]}", f"i pref1 {word[0]}", f"i-1 tag {last}", f"i-2 tag {earlier}",
            f"i tag+i-2 tag {last} {earlier}", f"i word {own}", f"i-1 tag+i word {last} {own}",
            f"i-1 word {before1}", f"i-1 suffix {before1[-3:]}", f"i-2 word {before2}", f"i+1 word {after1}",
            f"i+1 suffix {after1[-3:]}", f"i+2 word {after2}",
        )  # fmt: skip
        return [row for row in map(self._rows.get, features) if row is not None]


class Context:
    """A text's words as they are for the tagger."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = list(words)
        self._plain = [*_BEFORE, *map(_plain, words), *_AFTER]

    def near(self, at: int) -> tuple[str, ...]:
        """Two words before, the word, two words after."""
        return tuple(self._plain[at : at + 5])

    def frame(self, place: int, at: int, before: tuple[str, str]) -> _Frame:
        """What the tag of word `place` depends on, where others are tried at `at`: there or up to two behind it."""
        near: list[str | None] = [*self._plain[place : place + 5]]
        near[2 + at - place] = None
        return (None if place == at else self.words[place], *before, *near)


def _filled(frame: _Frame, other: str) -> tuple[str, ...]:
    """The frame with a word in its gap."""
    word, plain = other if frame[0] is None else frame[0], _plain(other)
    return (word, *(plain if one is None else one for one in frame[1:]))


def tokens_of(draft: Wording) -> tuple[list[str], list[int]]:
    """Words and marks of punctuation in their order, and where among them each word is."""
    tokens: list[str] = draft.gaps[0].split()
    places = []
    for word, gap in zip(draft.words, draft.gaps[1:], strict=True):
        places.append(len(tokens))
        tokens += [word, *gap.split()]
    return tokens, places


@lru_cache(maxsize=1 << 16)
def _plain(word: str) -> str:
    if "-" in word and word[0] != "-":
        return "!HYPHEN"
    if word.isdigit() and len(word) == 4:
        return "!YEAR"
    return "!DIGITS" if word[0].isdigit() else word.lower()
