"""What one invocation asks for, before any name is looked up."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from ..catalog.registry import AXES, Suite
from ..contract.errors import RequestError, did_you_mean
from ..contract.texts import format_value, parse_value
from ..contract.types import Access, Norm


@dataclass(frozen=True)
class Preset:
    """How thorough a run is: examples, and queries per example."""

    n: int
    max_queries: int | None  # None: chosen by the size of the input


PRESETS: Mapping[str, Preset] = {
    "quick": Preset(50, 2_000),
    "standard": Preset(200, None),
    "thorough": Preset(1_000, 100_000),
}


class Eligible(StrEnum):
    """Which examples are attacked: those that the contender itself gets right, or that every one of the plan does."""

    CLEAN_CORRECT = "clean-correct"
    ALL_CORRECT = "all-correct"


@dataclass(frozen=True, kw_only=True)
class Request:
    """Spellings per axis, the threat, and how to run. None takes the default that the run prints."""

    dataset: tuple[str, ...] = ()
    encoder: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    defense: tuple[str, ...] = ()
    attack: tuple[str, ...] = ()
    metric: tuple[str, ...] = ()
    suite: str | None = None
    access: Access | None = None
    norm: Norm | None = None
    eps: float | Literal["none", "reference"] = "reference"
    max_queries: int | Literal["none"] | None = None
    max_gradients: int | Literal["none"] | None = None
    max_prepare_queries: int | Literal["none"] | None = None
    targeted: bool = False
    targets: str = "random"
    gradient: tuple[str, ...] = ()
    eot: int | None = None
    preset: str = "standard"
    n: int | None = None
    select: str = "first"
    eligible: Eligible = Eligible.CLEAN_CORRECT
    seed: tuple[int, ...] = (0,)
    device: str = "cpu"
    timeout: float | None = None
    cell_timeout: float | None = None
    refine: bool = False
    twin: bool = True
    out: Path = Path("reports/main")
    force: bool = False
    fail_fast: bool = False
    strict: bool = False
    save_adversarials: bool = False
    similarity: str | None = None
    engine: str = "local"

    def __post_init__(self) -> None:
        positive: dict[str, Any] = {
            "eps": self.eps, "max-queries": self.max_queries, "max-gradients": self.max_gradients,
            "max-prepare-queries": self.max_prepare_queries, "eot": self.eot, "n": self.n, "timeout": self.timeout,
            "cell-timeout": self.cell_timeout,
        }  # fmt: skip
        for name, value in positive.items():
            words = _WORDS.get(name, ())
            if isinstance(value, str) and value not in words:
                *others, last = "a number", *words
                raise RequestError(f"run: --{name} must be {', '.join(others)} or {last}, got '{value}'.")
            if isinstance(value, (int, float)) and not value > 0:
                hint = f" Use 'none' for {'the smallest change' if name == 'eps' else 'no limit'}." if words else ""
                raise RequestError(f"run: --{name} must be > 0, got {format_value(value)}.{hint}")
        if self.preset not in PRESETS:
            raise RequestError(f"run: --preset must be one of {', '.join(PRESETS)}, got '{self.preset}'.")
        if not self.seed:
            raise RequestError("run: --seed must be given at least once, got none.")
        if strange := [seed for seed in self.seed if not 0 <= seed < 2**63]:
            raise RequestError(f"run: --seed must be >= 0 and < 2^63, got {strange[0]}.")

    def described(self) -> dict[str, Any]:
        """JSON-able, for run.json."""
        return {name: _plain(value) for name, value in vars(self).items()}


_LIMITS = ("max-queries", "max-gradients", "max-prepare-queries")
_WORDS: Mapping[str, tuple[str, ...]] = {"eps": ("none", "reference"), **dict.fromkeys(_LIMITS, ("none",))}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    if isinstance(value, Access):
        return value.word
    finite = not isinstance(value, float) or math.isfinite(value)
    return value if finite and isinstance(value, (bool, int, float, str, type(None))) else str(value)


def merged(request: Request, suite: Suite, given: frozenset[str] = frozenset()) -> Request:
    """The request with the suite's axes and options filled in where the user was silent.

    `given` names fields that count as said although they hold their default; others need no name.
    Raises RequestError if the suite sets what is no option, or to what it cannot be.
    """
    silent = Request()
    said = given | {one.name for one in fields(Request) if getattr(request, one.name) != getattr(silent, one.name)}
    changes: dict[str, Any] = {axis: texts for axis, texts in suite.axes.items() if axis not in said}
    known = {one.name.replace("_", "-"): one.name for one in fields(Request) if one.name not in (*AXES, "suite")}
    for key, value in suite.options.items():
        if key not in known:
            raise RequestError(f"suite {suite.name}: '{key}' must be an option of run. {did_you_mean(key, known)}")
        try:
            read = _read(key, value, getattr(silent, known[key]))
        except (ValueError, KeyError, AttributeError):
            raise RequestError(f"suite {suite.name}: {key} must be a value that run takes, got {value!r}.") from None
        decided = key in ("n", "max-queries") and "preset" in said  # a preset says both
        if known[key] not in said and not decided:
            changes[known[key]] = read
    return replace(request, **changes)


def _read(key: str, value: Any, silent: Any) -> Any:
    """An option's value in TOML as the request holds it. Raises ValueError, KeyError or AttributeError."""
    if isinstance(silent, bool) or isinstance(value, bool):
        if not isinstance(silent, bool) or not isinstance(value, bool):
            raise ValueError(value)
        return value
    if isinstance(silent, tuple):
        kind = int if key == "seed" else str
        return tuple(parse_value(str(part), kind) for part in (value if isinstance(value, list) else [value]))
    if not isinstance(value, (int, float, str)):
        raise ValueError(value)
    if value in _WORDS.get(key, ()):
        return value
    readers: Mapping[str, Any] = {
        "access": lambda text: Access[text.upper()], "norm": Norm, "eligible": Eligible, "out": Path
    }  # fmt: skip
    seconds = dict.fromkeys(("timeout", "cell-timeout"), float)
    numbers = {"eps": float, **seconds, "n": int, "eot": int, **dict.fromkeys(_LIMITS, int)}
    return parse_value(str(value), numbers[key]) if key in numbers else readers.get(key, str)(value)
