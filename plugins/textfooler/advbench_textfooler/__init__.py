"""TextFooler, PWWS, and two controls: attacks on text by words."""

from __future__ import annotations

from advbench import Register, hookimpl

from .specs import ATTACKS


@hookimpl
def advbench_register_attacks(register: Register) -> None:
    """Four attacks."""
    for spec, target in ATTACKS:
        register(spec, f"advbench_textfooler.{target}")
