"""Whether a candidate is the same part of speech where it would stand."""

from __future__ import annotations

from advbench import Wording

from .settings import Settings
from .tagger import START, Context, Tagger, tokens_of
from .tags import may_stand_for, universal


class Speech:
    """The tags of one document, and of words that are tried in it."""

    def __init__(self, tagger: Tagger, draft: Wording, settings: Settings) -> None:
        self._tagger, self._settings = tagger, settings
        tokens, self._places = tokens_of(draft)
        tags = tagger.tagged(tokens)
        self.tags = [universal(tags[place]) for place in self._places]  # of the original's words
        self._tokens = Context(tokens)

    def replace(self, at: int, word: str) -> None:
        """Take note of a word that was chosen, where candidates are tagged in the current text."""
        if self._settings.tags == "current":
            self._tokens.put(self._places[at], word)

    def fits(self, at: int, words: list[str]) -> list[bool]:
        """Which of the words may stand for word `at`.

        A word is tagged among some tokens around it. Its tag depends on those of the two before it, and on no
        word farther behind than two: what is the same for all candidates is found once.
        """
        place, count, own = self._places[at], len(self._tokens.words), self._settings
        near = (max(0, place - own.before), min(count, place + own.after + 1)) if count > own.whole else (0, count)
        part, place = self._tokens.part(*near), place - near[0]
        before, first = START, max(0, place - 2)
        for other in range(first):
            before = (self._tagger.tag(part, other, before), before[0])
        found = []
        for word in words:
            part.put(place, word)
            last = before
            for other in range(first, place):
                last = (self._tagger.tag(part, other, last), last[0])
            found.append(may_stand_for(universal(self._tagger.tag(part, place, last)), self.tags[at]))
        return found
