"""Where noise enters a network: wrappers that add it, all fed by one tap."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

Draw: TypeAlias = Callable[[int, tuple[int, ...]], Tensor]
"""(place, (rows, *shape)) -> standard normals, of that shape or of one that broadcasts to it."""


@dataclass
class Tap:
    """What the wrappers of one network add during one forward pass; closed between passes.

    levels, shifts: sigma and mean of each place, of the place's shape.
    """

    rows: int = 0
    levels: Sequence[Tensor] = ()
    shifts: Sequence[Tensor] = field(default=())
    draw: Draw | None = None

    def add(self, place: int, v: Tensor) -> Tensor:
        """v + mean + sigma x eps; v (rows, *shape), or (1, 1, m) of all rows. Without a draw v + mean."""
        if self.shifts:
            v = v + self.shifts[place]
        if self.draw is None:
            return v
        level = self.levels[place]
        eps = self.draw(place, (self.rows, *level.shape)).to(v)
        apply: Callable[..., Tensor] = _AddToRows.apply if level.dim() == 1 else _AddToMaps.apply
        return apply(v, level, eps)


class _AddToRows(torch.autograd.Function):
    """v + level x eps for (..., N, m), with the slopes of Theorem 1: delta for v, the sum of delta x eps for level.

    v may be (..., 1, m), of all rows. Not left to autograd, which takes three times as many small steps.
    """

    @staticmethod
    def forward(ctx: Any, v: Tensor, level: Tensor, eps: Tensor) -> Tensor:
        ctx.save_for_backward(eps)
        ctx.rows = v.shape[-2]
        return torch.addcmul(v, level, eps)

    @staticmethod
    def backward(ctx: Any, delta: Tensor) -> tuple[Tensor, Tensor | None, None]:
        (eps,) = ctx.saved_tensors
        own = delta.sum(dim=-2, keepdim=True) if ctx.rows == 1 < delta.shape[-2] else delta
        return own, (delta * eps).flatten(0, -2).sum(dim=0) if ctx.needs_input_grad[1] else None, None


class _AddToMaps(torch.autograd.Function):
    """The same for maps (N, C, H, W), with a third of the memory moved: v is changed in place, and the sum is taken
    row by row. Convolutions and normalisations, which give v, do not need it again."""

    @staticmethod
    def forward(ctx: Any, v: Tensor, level: Tensor, eps: Tensor) -> Tensor:
        ctx.save_for_backward(eps)
        ctx.mark_dirty(v)
        return v.addcmul_(level, eps)

    @staticmethod
    def backward(ctx: Any, delta: Tensor) -> tuple[Tensor, Tensor | None, None]:
        if not ctx.needs_input_grad[1]:
            return delta, None, None
        (eps,) = ctx.saved_tensors
        total = torch.zeros_like(eps[0])
        for one, drawn in zip(delta, eps.expand_as(delta), strict=True):
            total.addcmul_(one, drawn)
        return delta, total, None


class WithNoise(nn.Module):
    """A layer, and noise on what it gives."""

    def __init__(self, layer: nn.Module, tap: Tap, place: int) -> None:
        super().__init__()
        self.layer, self.place = layer, place
        self.tap = tap

    def forward(self, x: Tensor) -> Tensor:
        """As the layer's."""
        return self.tap.add(self.place, self.layer(x))


class RowBiases(nn.Module):
    """Biases (1, 1, b) of one network's layers in their order, each row's with noise of its own: (1, rows, b).

    For networks that hold weights and biases in lists and multiply them themselves.
    """

    def __init__(self, biases: nn.ParameterList, tap: Tap, places: Sequence[int | None]) -> None:
        super().__init__()
        self.own, self.tap, self.places = biases, tap, tuple(places)

    def __len__(self) -> int:
        return len(self.own)

    def __iter__(self) -> Iterator[Tensor]:
        for bias, place in zip(self.own, self.places, strict=True):
            yield bias if place is None else self.tap.add(place, bias)
