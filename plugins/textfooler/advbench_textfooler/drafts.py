"""A document under edit: the texts that differ from it at one word, and windows around a word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from advbench import Wording

_TEXTS, _CHARACTERS = 256, 2_000_000  # asked about at a time: a text of ten thousand words has as many deletions


class Draft:
    """A text whose words are replaced one after the other."""

    def __init__(self, wording: Wording) -> None:
        self.text, self.words = wording.text, list(wording.words)
        lengths = np.array([len(word) for word in self.words], np.int64)
        gaps = np.array([len(gap) for gap in wording.gaps[:-1]], np.int64)
        self._starts = (gaps + lengths).cumsum() - lengths

    def __len__(self) -> int:
        return len(self.words)

    def around(self, at: int) -> tuple[str, str]:
        """What stands before and after word `at`."""
        start = int(self._starts[at])
        return self.text[:start], self.text[start + len(self.words[at]) :]

    def window(self, at: int, width: int) -> tuple[str, str]:
        """The same within the `width` words around it; what lies outside the first and last word is left out."""
        first, past = window(at, len(self), width)
        start, own, last = (int(self._starts[place]) for place in (first, at, past - 1))
        return self.text[start:own], self.text[own + len(self.words[at]) : last + len(self.words[past - 1])]

    def replace(self, at: int, word: str) -> None:
        """Put another there. A text of any kind may stand for a word; it stays one."""
        before, after = self.around(at)
        self.text = before + word + after
        self._starts[at + 1 :] += len(word) - len(self.words[at])
        self.words[at] = word


def deletions(draft: Wording) -> Iterator[str]:
    """`draft.without(i).text` for every word, in one pass."""
    text, start, last = draft.text, 0, len(draft) - 1
    for i, word in enumerate(draft.words):
        before, after = draft.gaps[i], draft.gaps[i + 1]
        end = start + len(before) + len(word) + len(after)
        kept = before + after.lstrip() if after.lstrip() or i < last else before.rstrip() + after
        yield text[:start] + kept + text[end:]
        start = end - len(after)


def blanked(draft: Wording, blank: str) -> Iterator[str]:
    """The text with `blank` for each word in turn."""
    text, start = draft.text, 0
    for i, word in enumerate(draft.words):
        start += len(draft.gaps[i])
        yield text[:start] + blank + text[start + len(word) :]
        start += len(word)


def portions(texts: Iterable[str]) -> Iterator[list[str]]:
    """The same in lists of a bearable size."""
    some: list[str] = []
    size = 0
    for text in texts:
        if some and (len(some) == _TEXTS or size + len(text) > _CHARACTERS):
            yield some
            some, size = [], 0
        some.append(text)
        size += len(text)
    if some:
        yield some


def window(at: int, words: int, width: int = 15) -> tuple[int, int]:
    """First and one past the last of the `width` words around word `at`.

    Next to an end the window is moved inwards; a text without that many words on either side is whole.
    """
    half = (width - 1) // 2
    left, right = at >= half, words - at - 1 >= half
    if left and right:
        return at - half, at + half + 1
    if left or right:
        return (max(0, words - width), words) if left else (0, min(words, width))
    return 0, words


def like(word: str, others: list[str]) -> list[str]:
    """The other words with the capitals of the one that they replace."""
    if len(word) > 1 and word.isupper():
        return [other.upper() for other in others]
    return [other[:1].upper() + other[1:] for other in others] if word[:1].isupper() else others
