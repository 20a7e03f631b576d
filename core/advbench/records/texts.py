"""Texts before and after an attack, where a run was asked to keep them."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from ..contract.errors import ReportError
from ..supply.bounded import MIB, parse_json, read_small
from .place import disk, safe_name

Key: TypeAlias = tuple[int, int | None]  # example_id, target
_LONGEST = 512 * MIB  # of the texts of one shard


def stored_texts(root: Path, cell_id: str) -> dict[Key, tuple[str, str]]:
    """Of one cell, what was attacked and what was judged; empty if nothing was kept.

    Raises ReportError if a file is damaged.
    """
    found: dict[Key, tuple[str, str]] = {}
    with disk(root):
        for path in sorted((root / "adversarials" / safe_name("cell_id", cell_id)).glob("shard-*.json")):
            try:
                for name, (before, after) in parse_json(read_small(path, _LONGEST)).items():
                    example, _, target = name.partition("-")
                    found[int(example), int(target) if target else None] = (str(before), str(after))
            except (ValueError, TypeError, AttributeError) as error:
                hint = "Remove it, and run with --save-adversarials --force."
                raise ReportError(f"{path}: it must hold texts as JSON, got {error}. {hint}") from None
    return found
