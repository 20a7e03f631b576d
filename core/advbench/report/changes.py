"""What an attack changed in a text, for people to read."""

from __future__ import annotations

import difflib
from typing import Literal, TypeAlias

from ..contract.wording import Wording

Kind: TypeAlias = Literal["same", "gone", "new"]
_CONTEXT = 60  # characters of unchanged text kept on either side of a change


def changes(before: str, after: str) -> list[tuple[Kind, str]]:
    """Stretches that stayed, went and came. Without those that came it is `before`, without those that went `after`."""
    old, new = _pieces(before), _pieces(after)
    found: list[tuple[Kind, str]] = []
    for what, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            found.append(("same", "".join(old[a:b])))
            continue
        if a < b:
            found.append(("gone", "".join(old[a:b])))
        if c < d:
            found.append(("new", "".join(new[c:d])))
    return found


def shortened(found: list[tuple[Kind, str]]) -> list[tuple[Kind, str]]:
    """The same, with long unchanged stretches cut to what stands next to a change."""
    last = len(found) - 1
    return [(kind, _cut(text, i > 0, i < last) if kind == "same" else text) for i, (kind, text) in enumerate(found)]


def _cut(text: str, after_change: bool, before_change: bool) -> str:
    if len(text) <= 2 * _CONTEXT + 3:
        return text
    head = text[:_CONTEXT] if after_change else ""
    return f"{head} … {text[-_CONTEXT:] if before_change else ''}"


def _pieces(text: str) -> list[str]:
    wording = Wording.of(text)
    pieces = [piece for pair in zip(wording.gaps, wording.words, strict=False) for piece in pair]
    return [piece for piece in (*pieces, wording.gaps[-1]) if piece]
