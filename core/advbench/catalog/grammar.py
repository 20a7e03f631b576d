"""The spelling of a component: `NAME[:first][,key=value...]`. Pure text, no lookup.

Split at the first colon, then only at commas followed by `key=`, so that paths and lists may
hold commas and colons. An item without `=` fills the positional field. In values, `\\,` is a
comma that does not split, `\\=` an equals sign that ends no key, `\\[` a bracket that begins no
sweep and `\\\\` a backslash; any other backslash is itself.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..contract.errors import RequestError
from ..contract.texts import one_line

_KEY = r"[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z_][A-Za-z0-9_-]*)*="
_ITEM = re.compile(_KEY)
_ESCAPE = re.compile(r"\\([\\,=\[])")
_MOST = 100_000  # components that one spelling may stand for
NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


@dataclass(frozen=True)
class Spelling:
    """A parsed component; `items['']` is the positional one."""

    name: str
    items: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return _join(self.name, {key: _escape(text, first=not key) for key, text in self.items.items()})


def parse(text: str) -> Spelling:
    """Return the parts of one component. Raises RequestError on a bad name or a repeated key."""
    name, raw = _read(text)
    return Spelling(name, {key: _ESCAPE.sub(r"\1", value) for key, value in raw.items()})


def expand(text: str) -> list[str]:
    """Return one spelling per combination of the `key=[a/b/c]` in `text`, or just `text`."""
    name, raw = _read(text)
    choices = []
    for key, value in raw.items():
        swept = value.strip()[1:-1].split("/") if re.fullmatch(r"\s*\[.*\]\s*", value, re.DOTALL) else [value]
        choices.append([(key, one) for one in swept])
    count = math.prod(map(len, choices))
    if count > _MOST:
        hint = "Sweep over fewer values."
        raise RequestError(f"'{one_line(text, 60)}': it must stand for at most {_MOST:,}, got {count:,}. {hint}")
    return [_join(name, dict(combo)) for combo in itertools.product(*choices)]


def _read(text: str) -> tuple[str, dict[str, str]]:
    """The name, and the values as typed: still escaped."""
    name, colon, rest = text.partition(":")
    name, comma, early = name.partition(",")  # `scd,votes=3` is what hurried people type
    if comma:
        rest = f"{early}:{rest}" if colon else early
    name = name.strip()
    if not NAME.fullmatch(name):
        near = re.sub(r"[\s_]+", "-", name.lower())
        hint = f"Did you mean '{near}'?" if NAME.fullmatch(near) else "See: advbench list."
        raise RequestError(f"'{text}': a name must be lower-case words joined by '-', got '{name}'. {hint}")
    items: dict[str, str] = {}
    for part in _split(rest):
        match = _ITEM.match(part)
        key = match.group()[:-1] if match else ""
        if key in items:
            raise RequestError(f"'{text}': each parameter must be given once, got '{key}' twice. Remove one.")
        if key or part.strip():
            items[key] = part[match.end() :] if match else part
    return name, items


def _join(name: str, escaped: Mapping[str, str]) -> str:
    # Only the first item may come without a key: later ones would read as part of the one before.
    parts = [escaped[""]] if "" in escaped else []
    parts += [f"{key}={text}" for key, text in escaped.items() if key]
    return f"{name}:{','.join(parts)}" if parts else name


def _split(rest: str) -> list[str]:
    parts, start, i = [], 0, 0
    while i < len(rest):
        if _ESCAPE.match(rest, i):
            i += 2
            continue
        if rest[i] == "," and _ITEM.match(rest, i + 1):
            parts.append(rest[start:i])
            start = i + 1
        i += 1
    return [*parts, rest[start:]]


def _escape(text: str, *, first: bool) -> str:
    text = re.sub(rf",(?={_KEY})", r"\\,", text.replace("\\", "\\\\"))
    if first and (match := _ITEM.match(text)):
        text = f"{match.group()[:-1]}\\={text[match.end() :]}"
    return re.sub(r"^(\s*)\[", r"\1\\[", text)
