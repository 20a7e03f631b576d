"""The numbers that learning runs with: what was typed, else the preset's, else ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any, Literal


@dataclass(frozen=True)
class Settings:
    """Every parameter that a preset may decide; the defaults are ours."""

    seeds: int = 200
    rounds: int = 6
    step: float = 0.1
    keep: int | None = None
    epochs: int = 10
    batch: int = 128
    learning_rate: float = 1e-3
    optimizer: Literal["adam", "sgd"] = "adam"
    sign: Literal["periodic", "coin"] = "periodic"
    along: Literal["given", "predicted"] = "given"
    ask_seeds: bool = True


_PAPERNOT = Settings(seeds=150)
PRESETS: Mapping[str, Settings] = MappingProxyType(
    {
        "none": Settings(),
        "scd": Settings(
            rounds=20, keep=3200, epochs=20, batch=200, learning_rate=0.01, optimizer="sgd", sign="coin",
            along="predicted",
        ),
        "thesis": _PAPERNOT,
        "cleverhans": replace(_PAPERNOT, ask_seeds=False),
    }
)  # fmt: skip


def settle(attack: Any) -> Settings:
    """Fill in what was left at "auto"."""
    typed = {field.name: getattr(attack, field.name) for field in fields(Settings)}
    typed = {name: None if value == "all" else value for name, value in typed.items() if value != "auto"}
    return replace(PRESETS[attack.preset], **typed)
