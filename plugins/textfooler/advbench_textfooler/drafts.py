"""A document under edit: the texts that differ from it at one word, and windows around a word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from advbench import Wording

_TEXTS, _CHARACTERS = 256, 2_000_000  # asked about at a time: a text of ten thousand words has as many deletions


def around(draft: Wording, at: int) -> tuple[str, str]:
    """What stands before and after word `at`; with another word between them it is `draft.replaced(at, word).text`."""
    before = Wording(draft.words[:at], draft.gaps[: at + 1])
    after = Wording(draft.words[at + 1 :], draft.gaps[at + 1 :])
    return before.text, after.text


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


def stretch(draft: Wording, start: int, stop: int) -> Wording:
    """Those words, and what stands between them."""
    return Wording(draft.words[start:stop], ("", *draft.gaps[start + 1 : stop], ""))


def like(word: str, others: list[str]) -> list[str]:
    """The other words with the capitals of the one that they replace."""
    if len(word) > 1 and word.isupper():
        return [other.upper() for other in others]
    return [other[:1].upper() + other[1:] for other in others] if word[:1].isupper() else others
