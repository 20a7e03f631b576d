"""Encoders of text, and models that read text as it is."""

from __future__ import annotations

from advbench import Register, hookimpl

from .specs import ENCODERS, MODELS


@hookimpl
def advbench_register_encoders(register: Register) -> None:
    """What turns texts into vectors."""
    for spec, target in ENCODERS:
        register(spec, f"advbench_text.{target}")


@hookimpl
def advbench_register_models(register: Register) -> None:
    """What reads texts itself."""
    for spec, target in MODELS:
        register(spec, f"advbench_text.{target}")
