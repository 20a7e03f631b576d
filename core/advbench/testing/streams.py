"""Randomness for an attack that is run by hand, without an arena."""

from __future__ import annotations

from advbench import Streams
from advbench.arena.draws import ExampleStreams, SeedPath

from .field import CPU


def streams(n: int, seed: int = 0) -> Streams:
    """The third argument of `perturb` for n rows: one stream for each, the same for equal seeds."""
    return ExampleStreams(SeedPath(seed, "by hand"), range(n), CPU)
