"""Noise optimisation: Gaussian noise on neurons, its strength learnt with the weights."""

from __future__ import annotations

from advbench import Register, hookimpl

from .specs import SPEC


@hookimpl
def advbench_register_defenses(register: Register) -> None:
    """One defense."""
    register(SPEC, "advbench_noise.defense:Noise")
