"""Whether a candidate is the same part of speech where it would stand."""

from __future__ import annotations

from advbench import Wording

from .settings import Settings
from .tagger import Tagger, tokens_of
from .tags import may_stand_for, universal


class Speech:
    """The tags of one document, and of words that are tried in it."""

    def __init__(self, tagger: Tagger, draft: Wording, settings: Settings) -> None:
        self._tagger, self._settings = tagger, settings
        self._tokens, self._places = tokens_of(draft)
        tags = tagger.tagged(self._tokens)
        self.tags = [universal(tags[place]) for place in self._places]  # of the original's words

    def replace(self, at: int, word: str) -> None:
        """Take note of a word that was chosen, where candidates are tagged in the current text."""
        if self._settings.tags == "current":
            self._tokens[self._places[at]] = word

    def fits(self, at: int, words: list[str]) -> list[bool]:
        """Which of the words may stand for word `at`; each is tagged among some tokens around it."""
        place, count, own = self._places[at], len(self._tokens), self._settings
        start, stop = (max(0, place - own.before), place + own.after + 1) if count > own.whole else (0, count)
        tags = self._tagger.tried(self._tokens[start:stop], place - start, words)
        fit = {tag: may_stand_for(universal(tag), self.tags[at]) for tag in set(tags.values())}
        return [fit[tags[word]] for word in words]
