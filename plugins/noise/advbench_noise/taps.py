"""Where noise enters a network: wrappers that add it, all fed by one tap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from .draws import Draw, Numbered


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
        level, draw = self.levels[place], self.draw
        if isinstance(draw, Numbered) and level.dim() > 1 and v.dtype == torch.float32 and v.is_contiguous():
            return _applied(_AddNumbered, v, level, draw, place)
        eps = draw(place, (self.rows, *level.shape)).to(v)
        return torch.addcmul(v, level, eps) if level.dim() == 1 else _applied(_AddToMaps, v, level, eps)


def _applied(function: type[torch.autograd.Function], *given: object) -> Tensor:
    out: Tensor = function.apply(*given)  # type: ignore[no-untyped-call]
    return out


class _AddToMaps(torch.autograd.Function):
    """v + level x eps for maps (N, C, H, W), with Theorem 1's slopes: delta for v, the sum of delta x eps for level.

    v is changed in place: convolutions and normalisations, which give it, do not need it again.
    """

    @staticmethod
    def forward(ctx: Any, v: Tensor, level: Tensor, eps: Tensor) -> Tensor:
        ctx.save_for_backward(eps)
        ctx.mark_dirty(v)
        return v.addcmul_(level, eps)

    @staticmethod
    def backward(ctx: Any, delta: Tensor) -> tuple[Tensor, Tensor | None, None]:
        (eps,) = ctx.saved_tensors
        return delta, (delta * eps).sum(dim=0) if ctx.needs_input_grad[1] else None, None


class _AddNumbered(torch.autograd.Function):
    """The same with numbered draws, made where they are added, and made again for the slope."""

    @staticmethod
    def forward(ctx: Any, v: Tensor, level: Tensor, draw: Numbered, place: int) -> Tensor:
        ctx.draw, ctx.place, ctx.number = draw, place, draw.next(place)
        ctx.mark_dirty(v)
        draw.add(v, level, place, ctx.number)
        return v

    @staticmethod
    def backward(ctx: Any, delta: Tensor) -> tuple[Tensor, Tensor | None, None, None]:
        return delta, ctx.draw.slope(delta, ctx.place, ctx.number) if ctx.needs_input_grad[1] else None, None, None


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
