"""Data sets of the robustness literature, and the user's own. Nothing is fetched unless asked for."""

from __future__ import annotations

from advbench import Register, hookimpl

from .specs import SPECS


@hookimpl
def advbench_register_datasets(register: Register) -> None:
    """Images, series, tables and texts."""
    for spec, target in SPECS:
        register(spec, target)
