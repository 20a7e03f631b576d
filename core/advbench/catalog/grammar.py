"""The spelling of a component: `NAME[:first][,key=value...]`. Pure text, no lookup.

Split at the first colon, then only at commas followed by `key=`, so that paths and lists may
hold commas and colons. An item without `=` fills the positional field. In values, `\\,` is a
comma that does not split and `\\\\` a backslash; any other backslash is itself.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..contract.errors import RequestError

_KEY = r"[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z_][A-Za-z0-9_-]*)*="
_ITEM = re.compile(_KEY)
_ESCAPE = re.compile(r"\\([\\,])")
NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


@dataclass(frozen=True)
class Spelling:
    """A parsed component; `items['']` is the positional one."""

    name: str
    items: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        parts = [f"{key}={_escape(text)}" if key else _escape(text) for key, text in self.items.items()]
        return f"{self.name}:{','.join(parts)}" if parts else self.name


def parse(text: str) -> Spelling:
    """Return the parts of one component. Raises RequestError on a bad name or a repeated key."""
    name, _, rest = text.strip().partition(":")
    name, comma, early = name.partition(",")  # `scd,votes=3` is what hurried people type
    if comma:
        rest = f"{early}:{rest}" if _ else early
    if not NAME.fullmatch(name):
        raise RequestError(f"'{text}': a name must be lower-case words joined by '-', got '{name}'. See advbench list.")
    items: dict[str, str] = {}
    for part in _split(rest) if rest else []:
        match = _ITEM.match(part)
        key = match.group()[:-1] if match else ""
        if key in items:
            raise RequestError(f"'{text}': each parameter must be given once, got '{key or part}' twice.")
        items[key] = _ESCAPE.sub(r"\1", part[match.end() :] if match else part)
    return Spelling(name, items)


def expand(text: str) -> list[str]:
    """Return one spelling per combination of the `key=[a/b/c]` in `text`, or just `text`."""
    spelling = parse(text)
    choices = []
    for key, value in spelling.items.items():
        swept = value[1:-1].split("/") if value.startswith("[") and value.endswith("]") else [value]
        choices.append([(key, one) for one in swept])
    return [str(Spelling(spelling.name, dict(combo))) for combo in itertools.product(*choices)]


def _split(rest: str) -> list[str]:
    parts, start, i = [], 0, 0
    while i < len(rest):
        if rest[i] == "\\" and rest[i + 1 : i + 2] in ("\\", ","):
            i += 2
            continue
        if rest[i] == "," and _ITEM.match(rest, i + 1):
            parts.append(rest[start:i])
            start = i + 1
        i += 1
    return [*parts, rest[start:]]


def _escape(text: str) -> str:
    return re.sub(rf",(?={_KEY})", r"\\,", text.replace("\\", "\\\\"))
