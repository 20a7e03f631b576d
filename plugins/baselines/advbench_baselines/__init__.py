"""The models that the papers compare with, and the user's own network."""

from __future__ import annotations

from advbench import Register, hookimpl

from .specs import MODELS
from .specs_defenses import DEFENSES


@hookimpl
def advbench_register_models(register: Register) -> None:
    """All of them."""
    for spec, target in MODELS:
        register(spec, f"advbench_baselines.{target}")


@hookimpl
def advbench_register_defenses(register: Register) -> None:
    """All of them."""
    for spec, target in DEFENSES:
        register(spec, f"advbench_baselines.{target}")
