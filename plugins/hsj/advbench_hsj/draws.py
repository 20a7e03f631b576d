"""A stream of randomness for each walk."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from advbench import Streams


class WalkStreams:
    """Seeded from the streams of the examples, so that a walk draws the same whatever goes beside it.

    Drawn on the CPU and moved, as the examples' own streams are.
    """

    def __init__(self, rng: Streams, examples: int, each: int, device: torch.device) -> None:
        seeds = rng.integers(torch.arange(examples, device=device), (each,), 1 << 62)
        self._generators = [Generator().manual_seed(seed) for seed in seeds.flatten().tolist()]
        self._device = device

    def normal(self, walks: Tensor, shape: tuple[int, ...]) -> Tensor:
        """float32 (M, *shape), standard normal."""
        out = torch.empty(len(walks), *shape)
        for one, walk in zip(out, walks.tolist(), strict=True):
            one.normal_(generator=self._generators[walk])
        return out.to(self._device)

    def uniform(self, walks: Tensor, shape: tuple[int, ...]) -> Tensor:
        """float32 (M, *shape) in [0, 1)."""
        out = torch.empty(len(walks), *shape)
        for one, walk in zip(out, walks.tolist(), strict=True):
            one.uniform_(generator=self._generators[walk])
        return out.to(self._device)
