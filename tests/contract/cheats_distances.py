"""Distances that each break one rule."""

from dataclasses import dataclass

import torch

from advbench.builtin.distances import L0, L1, L2, Linf, Words

HONEST = (L0, L1, L2, Linf, Words)


@dataclass(frozen=True)
class InFloat32:
    def __call__(self, x, x_adv, width):
        return (x_adv - x).flatten(1).norm(dim=1)


@dataclass(frozen=True)
class OneForAll:
    def __call__(self, x, x_adv, width):
        return (x_adv - x).double().norm().reshape(1)


@dataclass(frozen=True)
class Signed:
    def __call__(self, x, x_adv, width):
        return (x_adv - x).double().flatten(1).sum(dim=1)


@dataclass(frozen=True)
class NeverZero(L2):
    def __call__(self, x, x_adv, width):
        return super().__call__(x, x_adv, width) + 1e-9


@dataclass(frozen=True)
class SeesTheFirstHalf(L2):
    def __call__(self, x, x_adv, width):
        half = x.flatten(1).shape[1] // 8
        return super().__call__(x.flatten(1)[:, :half], x_adv.flatten(1)[:, :half], width)


@dataclass(frozen=True)
class Relative(L2):
    def __call__(self, x, x_adv, width):
        return super().__call__(x, x_adv, width) / (1 + x.double().flatten(1).norm(dim=1))


@dataclass(frozen=True)
class Squared(L2):
    def __call__(self, x, x_adv, width):
        return super().__call__(x, x_adv, width).square()


@dataclass(frozen=True)
class WordsByLetters(Words):
    def __call__(self, x, x_adv, width):
        same = [sum(a == b for a, b in zip(old, new, strict=False)) for old, new in zip(x, x_adv, strict=True)]
        sizes = [1 - count / max(1, len(old)) for count, old in zip(same, x, strict=True)]
        return torch.tensor(sizes, dtype=torch.float64)


@dataclass(frozen=True)
class CentresTheBatch(L2):
    def __call__(self, x, x_adv, width):
        change = x_adv.double() - x.double()
        if len(change):
            change = change / change.abs().max().clamp(min=1e-30)
        return change.flatten(1).norm(dim=1)


@dataclass(frozen=True)
class Overflows:
    def __call__(self, x, x_adv, width):
        return (x_adv - x).flatten(1).square().sum(dim=1).sqrt().double()


@dataclass(frozen=True)
class InWidths(L2):
    def __call__(self, x, x_adv, width):
        return super().__call__(x, x_adv, width) * 4.0 / width


@dataclass(frozen=True)
class CountsAnyChange:
    def __call__(self, x, x_adv, width):
        return (x_adv != x).flatten(1).sum(dim=1).double()


@dataclass(frozen=True)
class SubtractsInPlace(L2):
    def __call__(self, x, x_adv, width):
        return x_adv.sub_(x).double().flatten(1).norm(dim=1)
