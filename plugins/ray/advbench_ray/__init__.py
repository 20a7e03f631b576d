"""Runs on the machines of a Ray cluster, or on a Ray of this machine's own."""

from __future__ import annotations

from advbench import EngineSpec, Register, hookimpl

SPEC = EngineSpec(name="ray", summary="Ray tasks, on this machine or on a cluster; a lost node costs its shards only")


@hookimpl
def advbench_register_engines(register: Register) -> None:
    """One engine."""
    register(SPEC, "advbench_ray.engine:Ray")
