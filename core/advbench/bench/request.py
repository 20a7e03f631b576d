"""What one invocation asks for, before any name is looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..contract.errors import RequestError
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
    seed: tuple[int, ...] = (0,)
    device: str = "cpu"
    timeout: float | None = None
    refine: bool = False
    twin: bool = True
    out: Path = Path("reports/main")
    force: bool = False
    fail_fast: bool = False
    strict: bool = False
    save_adversarials: bool = False

    def __post_init__(self) -> None:
        positive: dict[str, Any] = {
            "eps": self.eps, "max-queries": self.max_queries, "max-gradients": self.max_gradients,
            "max-prepare-queries": self.max_prepare_queries, "eot": self.eot, "n": self.n, "timeout": self.timeout,
        }  # fmt: skip
        for name, value in positive.items():
            if isinstance(value, (int, float)) and not value > 0:
                hint = " Use 'none' for no limit." if name.startswith(("eps", "max")) else ""
                raise RequestError(f"run: --{name} must be > 0, got {value:g}.{hint}")
        if self.preset not in PRESETS:
            raise RequestError(f"run: --preset must be one of {', '.join(PRESETS)}, got '{self.preset}'.")
        if any(seed < 0 for seed in self.seed):
            raise RequestError(f"run: --seed must be >= 0, got {min(self.seed)}.")

    def described(self) -> dict[str, Any]:
        """JSON-able, for run.json."""
        return {
            name: [str(part) for part in value] if isinstance(value, tuple) else value
            if isinstance(value, (bool, int, float, str, type(None))) else str(value)
            for name, value in vars(self).items()
        }  # fmt: skip
