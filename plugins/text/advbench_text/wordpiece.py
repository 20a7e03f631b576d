"""BERT's tokeniser for text without case (Devlin et al. 2018): clean, split, then longest known pieces."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import TypeAlias

Vocabulary: TypeAlias = Mapping[str, int]
_LONGEST = 100  # characters of a word that is looked into
_HAN = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F), (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
)  # fmt: skip


class WordPiece:
    """Texts to numbers of pieces, between [CLS] and [SEP]."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._first, self._last, self._unknown = (vocabulary[name] for name in ("[CLS]", "[SEP]", "[UNK]"))
        self._known: dict[str, list[int]] = {}

    def __call__(self, text: str, most: int) -> list[int]:
        """At most that many numbers; what is beyond is cut off."""
        found = [self._first]
        for word in split(text):
            if len(found) >= most - 1:
                break
            pieces = self._known.get(word)
            if pieces is None:
                pieces = self._known[word] = self._pieces(word)
            found += pieces
        return [*found[: most - 1], self._last]

    def _pieces(self, word: str) -> list[int]:
        if len(word) > _LONGEST:
            return [self._unknown]
        found: list[int] = []
        start = 0
        while start < len(word):
            prefix = "##" if start else ""
            ends = range(len(word), start, -1)
            end = next((end for end in ends if prefix + word[start:end] in self._vocabulary), None)
            if end is None:
                return [self._unknown]
            found.append(self._vocabulary[prefix + word[start:end]])
            start = end
        return found


def split(text: str) -> list[str]:
    """Words without case and accents, marks of punctuation and Chinese characters alone."""
    kept = "".join(map(_cleaned, text))
    # Letter by letter: of a whole word Python would make another letter of the sigma at its end.
    bare = "".join(c.lower() for c in unicodedata.normalize("NFD", kept) if unicodedata.category(c) != "Mn")
    return "".join(f" {c} " if _is_mark(c) else c for c in bare).split()


@lru_cache(maxsize=4096)
def _cleaned(character: str) -> str:
    code = ord(character)
    if character in "\t\n\r" or unicodedata.category(character) == "Zs":
        return " "
    if code in (0, 0xFFFD) or unicodedata.category(character).startswith("C"):
        return ""
    return f" {character} " if any(low <= code <= high for low, high in _HAN) else character


@lru_cache(maxsize=4096)
def _is_mark(character: str) -> bool:
    ascii_mark = character.isascii() and character.isprintable() and not character.isalnum() and character != " "
    return ascii_mark or unicodedata.category(character).startswith("P")
