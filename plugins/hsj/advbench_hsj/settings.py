"""The numbers an attack runs with: what was typed, else the preset's, else ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any, Literal


@dataclass(frozen=True)
class Settings:
    """Every parameter that a preset may decide; the defaults are ours. probe None: searched."""

    probe: float | None = None
    step: Literal["geometric", "grid"] = "grid"
    init: Literal["uniform", "blended", "fixed"] = "blended"
    restarts: int = 2
    starts: int = 24
    race: int = 1000
    iterations: int = 100
    tries: int = 1000


_PAPER = Settings(
    probe=1.0, step="geometric", init="uniform", restarts=1, starts=1, race=0, iterations=64, tries=10_000
)
PRESETS: Mapping[str, Settings] = MappingProxyType(
    {
        "none": Settings(),
        "paper": _PAPER,
        "scd": replace(_PAPER, restarts=10, iterations=100, tries=1000),
        "scd-fixed": replace(_PAPER, init="fixed", iterations=10, tries=1000),
    }
)


def settle(attack: Any) -> Settings:
    """Fill in what was left at "auto"."""
    typed = {field.name: getattr(attack, field.name) for field in fields(Settings)}
    typed = {name: None if value == "search" else value for name, value in typed.items() if value != "auto"}
    return replace(PRESETS[attack.preset], **typed)
