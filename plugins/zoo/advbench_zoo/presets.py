"""The numbers an attack runs with: what was typed, else the preset's, else ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any, Literal

Solver = Literal["adam", "newton", "adam-newton"]
SCHEDULE = (2000, 10_000)  # steps at which the paper's attack space grows


@dataclass(frozen=True)
class Settings:
    """Every parameter that a preset may decide; the defaults are ours. None: found at run time."""

    h: float | None = None
    hessian_h: float | None = None
    hessian_floor: float = 0.1
    iterations: int = 1000
    learning_rate: float = 0.05
    c: float | None = None
    searches: int = 9
    coordinates: int | None = None
    box: Literal["projection", "tanh"] = "projection"
    abort_every: int | None = None
    reduce: Literal["none", "bilinear", "dct"] = "none"
    sizes: tuple[int, ...] = (32,)
    grow_at: tuple[int, ...] = SCHEDULE
    importance: Literal["none", "refresh", "released"] = "none"
    adam_reset: bool = False


_MNIST = Settings(
    h=1e-4,
    hessian_h=1e-4,
    hessian_floor=0.0,
    iterations=3000,
    learning_rate=0.01,
    c=0.01,
    coordinates=128,
    abort_every=100,
)
# Table 2: c = 10 without a search, to the last step, in an attack space of 32 x 32 x 3 that does not grow.
_IMAGENET = replace(
    _MNIST, box="tanh", iterations=1500, learning_rate=0.002, c=10.0, searches=1, abort_every=1500, reduce="bilinear"
)
_TARGETED = replace(  # Table 3, all techniques
    _IMAGENET, iterations=20_000, abort_every=20_000, sizes=(32, 64, 128), importance="refresh", adam_reset=True
)
PRESETS: Mapping[str, Settings] = MappingProxyType(
    {
        "none": Settings(),
        "mnist": _MNIST,
        "cifar10": replace(_MNIST, box="tanh", iterations=1000),
        "imagenet": _IMAGENET,
        "imagenet-targeted": _TARGETED,
    }
)


def settle(attack: Any) -> Settings:
    """Fill in what was left at "auto". Raises ValueError where the result contradicts itself."""
    base = PRESETS[attack.preset]
    typed = {field.name: getattr(attack, field.name) for field in fields(Settings)}
    typed = {name: None if value == "search" else value for name, value in typed.items() if value != "auto"}
    settings = replace(base, **typed)
    if "grow_at" not in typed:
        settings = replace(settings, grow_at=settings.grow_at[: len(settings.sizes) - 1])
    _check(settings, attack.solver, typed)
    return settings


def _check(settings: Settings, solver: Solver, typed: Mapping[str, Any]) -> None:
    stages = settings.sizes
    if len(settings.grow_at) != len(stages) - 1:
        raise ValueError(
            f"grow_at must name {len(stages) - 1} steps for {len(stages)} sizes, got {len(settings.grow_at)}."
            " Give one step for every size after the first."
        )
    for name, steps in (("sizes", stages), ("grow_at", settings.grow_at)):
        if list(steps) != sorted(set(steps)):
            raise ValueError(f"{name} must be rising, got {'/'.join(map(str, steps))}. Sort it.")
    if settings.reduce == "none" and {"sizes", "grow_at"} & typed.keys():
        raise ValueError("reduce must be bilinear or dct for sizes and grow_at, got none. Add reduce=bilinear.")
    if settings.reduce == "dct" and settings.importance != "none":
        raise ValueError(
            f"importance must be none with reduce=dct, got {settings.importance}. Cosines have no place in the image."
        )
    if solver == "newton" and typed.get("adam_reset"):
        raise ValueError("adam_reset must be false with solver=newton, got true. Newton keeps no moments.")
    unused = sorted({"hessian_h", "hessian_floor"} & typed.keys())
    if solver == "adam" and unused:
        raise ValueError(f"solver must be newton or adam-newton for {unused[0]}, got adam. Leave it out.")
