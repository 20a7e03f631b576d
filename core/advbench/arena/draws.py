"""Randomness is handed in, never reached for. Every number comes from hashed names."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from torch import Generator, Tensor

_MASK63 = (1 << 63) - 1


class SeedPath:
    """`Seeds` by name: a root seed and the names walked from it. Adding a name moves no other's seed."""

    def __init__(self, root: int, *names: str | int) -> None:
        self.root, self.names = root, names

    def child(self, *names: str | int) -> SeedPath:
        """The same path, walked further."""
        return SeedPath(self.root, *self.names, *names)

    def seed(self) -> int:
        """63-bit integer: the first bytes of sha256 over root and names."""
        text = "\x1f".join(f"{type(name).__name__}:{name}" for name in (self.root, *self.names))
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") & _MASK63

    def generator(self) -> Generator:
        """A fresh generator on the CPU."""
        return Generator().manual_seed(self.seed())


class ExampleStreams:
    """One generator per example, keyed on its id, so that batch and order change nothing.

    Numbers are drawn on the CPU and moved, so that every device sees the same ones.
    """

    def __init__(self, path: SeedPath, keys: Sequence[int | str], device: torch.device) -> None:
        self._generators = [path.child(key).generator() for key in keys]
        self._device = device

    def normal(self, rows: Tensor, shape: tuple[int, ...]) -> Tensor:
        """float32 (M, *shape), standard normal."""
        out = torch.empty(len(rows), *shape)
        for one, row in zip(out, rows.tolist(), strict=True):
            one.normal_(generator=self._generators[row])
        return out.to(self._device)

    def uniform(self, rows: Tensor, shape: tuple[int, ...]) -> Tensor:
        """float32 (M, *shape) in [0, 1)."""
        out = torch.empty(len(rows), *shape)
        for one, row in zip(out, rows.tolist(), strict=True):
            one.uniform_(generator=self._generators[row])
        return out.to(self._device)

    def integers(self, rows: Tensor, shape: tuple[int, ...], high: int) -> Tensor:
        """int64 (M, *shape) in [0, high)."""
        out = torch.empty(len(rows), *shape, dtype=torch.int64)
        for one, row in zip(out, rows.tolist(), strict=True):
            one.random_(0, high, generator=self._generators[row])
        return out.to(self._device)


class QueryDraws:
    """A stochastic contender's noise: row m depends only on its example and its query number.

    A second call inside one forward pass (another noisy layer) continues with fresh numbers.
    """

    def __init__(self, seeds: Sequence[int], device: torch.device) -> None:
        self._seeds, self._device, self._calls = seeds, device, 0
        self._generator = Generator()

    def normal(self, shape: tuple[int, ...]) -> Tensor:
        """float32 (rows, *shape), standard normal."""
        return self._fill(shape, uniform=False)

    def uniform(self, shape: tuple[int, ...]) -> Tensor:
        """float32 (rows, *shape) in [0, 1)."""
        return self._fill(shape, uniform=True)

    def _fill(self, shape: tuple[int, ...], uniform: bool) -> Tensor:
        out = torch.empty(len(self._seeds), *shape)
        for one, seed in zip(out, self._seeds, strict=True):
            self._generator.manual_seed(mix(seed, self._calls))
            one.uniform_(generator=self._generator) if uniform else one.normal_(generator=self._generator)
        self._calls += 1
        return out.to(self._device)


class NoiseSource:
    """Gives each point the seed of its (example, query number), within one named branch."""

    def __init__(self, path: SeedPath, ids: Sequence[int]) -> None:
        self._bases = [path.child(int(i)).seed() for i in ids]

    def seeds(self, rows: Sequence[int], numbers: Sequence[int]) -> list[int]:
        """One 63-bit seed per point: example rows[m] at its query numbers[m]."""
        return [mix(self._bases[row], number) for row, number in zip(rows, numbers, strict=True)]


def mix(seed: int, number: int) -> int:
    """A 63-bit seed from a seed and a counter, by the splitmix64 finaliser (Steele et al. 2014)."""
    z = (seed + (number + 1) * 0x9E3779B97F4A7C15) & ((1 << 64) - 1)
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & ((1 << 64) - 1)
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & ((1 << 64) - 1)
    return (z ^ (z >> 31)) & _MASK63
