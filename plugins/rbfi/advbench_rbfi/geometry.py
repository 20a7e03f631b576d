"""The paper's notation for a network: `512^,512v,512^,10v` is layers of And, Or, And and Or units."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LAYER = re.compile(r"\s*(\d*)([v^*])\s*")
_HELP = "Write 512^ for And, 512v for Or or 512* for mixed units, joined by commas; the last number may be left out."


@dataclass(frozen=True)
class LayerShape:
    """One layer. units: None = as many as there are classes. kind: `^` And, `v` Or, `*` a random mix."""

    units: int | None
    kind: str


def parse(text: str) -> tuple[LayerShape, ...]:
    """Return the layers from the input on. Raises ValueError that says where the text goes wrong."""
    shapes: list[LayerShape] = []
    place = 1
    parts = text.split(",")
    for number, part in enumerate(parts, 1):
        found = _LAYER.fullmatch(part)
        units = int(found[1]) if found and found[1] else None
        bare = units is None and number < len(parts)
        if found is None or units == 0 or bare:
            wrong = "a layer" if found is None else "a layer of at least one unit"
            where = f"'{part}' at character {place} is not {wrong}"
            raise ValueError(f"geometry must be layers like 512^, got '{text}': {where}. {_HELP}")
        shapes.append(LayerShape(units, found[2]))
        place += len(part) + 1
    return tuple(shapes)
