"""Reading small files that nobody has to trust: how long they may be, how deep, and nothing but data."""

from __future__ import annotations

import json
import stat
import tomllib
from pathlib import Path
from typing import Any

MIB = 1 << 20
_DEEPEST = 64  # levels of lists and tables within each other; what we write has six


def read_small(path: Path, most: int) -> bytes:
    """All bytes of a plain file of at most `most`. Raises ValueError for another, OSError if it cannot be read.

    Pipes are never waited for, and what grows without end is not read to its end.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError("something that is no plain file")
    with path.open("rb") as file:
        data = file.read(most + 1)
    return within(data, most)


def within(data: bytes, most: int) -> bytes:
    """The data again. Raises ValueError if they are longer than `most`."""
    if len(data) > most:
        raise ValueError(f"more than {most:,} bytes")
    return data


def parse_json(data: bytes | str) -> Any:
    """What the text describes. Raises ValueError if it is no JSON, or nested too deeply to be worked with."""
    try:
        found = json.loads(data)
    except RecursionError:
        raise _too_deep() from None
    _check_depth(found)
    return found


def parse_toml(data: bytes) -> dict[str, Any]:
    """The table that the text describes. Raises ValueError if it is no TOML in UTF-8, or nested too deeply."""
    try:
        found = tomllib.loads(data.decode("utf-8"))
    except RecursionError:
        raise _too_deep() from None
    _check_depth(found)
    return found


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(_DEEPEST):
        level = [inner for one in level for inner in _inside(one)]
        if not level:
            return
    raise _too_deep()


def _inside(value: Any) -> list[Any]:
    """The lists and tables directly within one."""
    held = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [one for one in held if isinstance(one, (dict, list))]


def _too_deep() -> ValueError:
    return ValueError(f"more than {_DEEPEST} lists within each other")
