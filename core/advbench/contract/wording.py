"""A text as the words that an attack may edit and what stands between them. Imports nothing of ours."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

# A word in a text whose letters of every script were replaced by `a`: with single apostrophes and hyphens inside.
_WORD = re.compile(r"[A-Za-z0-9]+(?:['\u2019-][A-Za-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Wording:
    """`gaps[0] words[0] gaps[1] ... words[-1] gaps[-1]`, which joined is the text, to the character.

    A word is a longest stretch of letters, digits and combining marks of any script, and of single
    apostrophes or hyphens between them: `don't`, `well-made`. Everything else is gap: white space,
    punctuation, emoji, control characters. No word holds white space, and cutting a text at white
    space cuts no word. A model is given `text`, never the words alone.
    """

    words: tuple[str, ...]  # none is empty
    gaps: tuple[str, ...]  # one more than words

    @classmethod
    def of(cls, text: str) -> Wording:
        """Split any text; one without words is a single gap."""
        words, gaps, end = [], [], 0
        for match in _WORD.finditer(text if text.isascii() else "".join(map(_plain, text))):
            start, stop = match.span()
            gaps.append(text[end:start])
            words.append(text[start:stop])
            end = stop
        return cls(tuple(words), (*gaps, text[end:]))

    def __len__(self) -> int:
        return len(self.words)

    @property
    def text(self) -> str:
        """What goes to the model."""
        inner = [part for pair in zip(self.gaps, self.words, strict=False) for part in pair]
        return "".join([*inner, self.gaps[-1]])

    def replaced(self, at: int, word: str) -> Wording:
        """The same with another word there. A text of any kind may stand for a word; it is not split."""
        place = self._place(at)
        return Wording((*self.words[:place], word, *self.words[place + 1 :]), self.gaps)

    def without(self, at: int) -> Wording:
        """The same without that word and the white space after it; before it, if nothing comes after."""
        place = self._place(at)
        before, after = self.gaps[place], self.gaps[place + 1]
        kept = before + after.lstrip() if after.lstrip() or place + 1 < len(self) else before.rstrip() + after
        words = (*self.words[:place], *self.words[place + 1 :])
        return Wording(words, (*self.gaps[:place], kept, *self.gaps[place + 2 :]))

    def _place(self, at: int) -> int:
        if not -len(self.words) <= at < len(self.words):
            raise IndexError(f"word {at} of {len(self.words)}")
        return at % len(self.words)


@lru_cache(maxsize=4096)
def _plain(character: str) -> str:
    """`a` for a letter, digit or combining mark; the character itself if it stands between words."""
    if character.isascii():
        return character
    return "a" if unicodedata.category(character)[0] in "LNM" else character
