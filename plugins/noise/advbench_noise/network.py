"""A network whose layers carry Gaussian noise: v = W x + b + sigma o eps, eq. 1 of the paper."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import Generator, Tensor, nn

from advbench import Draws

from .anatomy import Place, Where, is_layer, wire
from .draws import Draw
from .taps import Tap

Sign: TypeAlias = Literal["reflect", "released"]


@dataclass(frozen=True)
class Layout:
    """Where noise stands, how it is held, and how the network answers.

    draws: 0 answers without noise, M with the log of the mean probability over M draws.  fixed: one draw,
    made before training, stands for all.
    """

    where: Where = "fc"
    logits: bool = True
    sign: Sign = "reflect"
    shift: bool = False
    draws: int = 1
    fixed: bool = False


class NoisyNetwork(nn.Module):
    """Scores (N, K). `sigma` holds the levels of all places in a row, `mean` their shifts if there are any.

    Called as network(x, noise) it answers as its layout says; `scores` takes draws from elsewhere.
    """

    def __init__(self, network: nn.Module, example: Tensor, layout: Layout) -> None:
        super().__init__()
        self.tap = Tap()
        self.layout, self.shape = layout, tuple(example.shape[1:])
        if is_layer(network):
            network = nn.Sequential(network)  # so that it has an owner in which it can be wrapped
        self.places = wire(network, self.tap, example, layout.where, layout.logits)
        self.network = network
        self.sizes = [place.size for place in self.places]
        total = sum(self.sizes)
        self.sigma = nn.Parameter(torch.zeros(total, device=example.device))
        shifts = sum(place.size for place in self.places if not place.dense) if layout.shift else 0
        self.mean = nn.Parameter(torch.zeros(total if shifts else 0, device=example.device))
        self.register_buffer("frozen", torch.zeros(total if layout.fixed else 0, device=example.device))
        self.frozen: Tensor

    def forward(self, x: Tensor, noise: Draws | None = None) -> Tensor:
        """The answer; `noise` is read unless the layout answers without it or with a fixed draw."""
        if noise is None:
            return self.scores(x, None)
        return self.scores(x, lambda place, shape: noise.normal(shape[1:]))

    def scores(self, x: Tensor, draw: Draw | None) -> Tensor:
        """As the layout says, with these draws."""
        if self.layout.draws == 0 or not self.places:
            return self.once(x, None)
        if self.layout.fixed:
            pieces = torch.split(self.frozen, self.sizes)
            return self.once(x, lambda place, shape: pieces[place].view(shape[1:]))
        if draw is None:
            raise ValueError("a network that answers with noise must be given draws")
        if self.layout.draws == 1:
            return self.once(x, draw)
        each = torch.stack([self.once(x, draw).log_softmax(dim=1) for _ in range(self.layout.draws)])
        return each.logsumexp(dim=0) - math.log(self.layout.draws)

    def once(self, x: Tensor, draw: Draw | None) -> Tensor:
        """One pass with one draw, or without noise."""
        tap = self.tap
        tap.rows, tap.draw, tap.levels = len(x), draw, self.levels()
        tap.shifts = self.pieces(self.mean) if len(self.mean) else ()
        try:
            out: Tensor = self.network(x)
        finally:
            tap.rows, tap.draw, tap.levels, tap.shifts = 0, None, (), ()
        return out

    def levels(self) -> list[Tensor]:
        """sigma >= 0 of each place, of its shape.

        released: |sigma| with the slope of sigma itself, as the authors' code has it.
        """
        sigma: Tensor = self.sigma
        if self.layout.sign == "released":
            sigma = sigma + (sigma.abs() - sigma).detach()
        return self.pieces(sigma)

    def pieces(self, flat: Tensor) -> list[Tensor]:
        """A row of numbers cut into one part per place, of its shape."""
        parts = torch.split(flat, self.sizes)
        return [p if place.dense else p.view(place.shape) for p, place in zip(parts, self.places, strict=True)]


def begin(network: NoisyNetwork, start: float | None, generator: Generator) -> None:
    """Set sigma and the shifts in place.

    start: of every sigma. None: as released, N(0, 1) per neuron and Xavier's normal per element of a
    convolution (Glorot and Bengio 2010, eq. 12, of its shape); shifts of convolutions too.
    """
    drawn = [_xavier(place, generator) for place in network.places]
    with torch.no_grad():
        if start is not None:
            network.sigma.fill_(start)
        elif drawn:
            network.sigma.copy_(torch.cat([part.flatten() for part in drawn]))
        if network.layout.sign == "reflect":
            network.sigma.abs_()
        if len(network.mean):
            parts = [torch.zeros(p.size) if p.dense else _xavier(p, generator).flatten() for p in network.places]
            network.mean.copy_(torch.cat(parts))
        if len(network.frozen):
            network.frozen.copy_(torch.randn(len(network.frozen), generator=generator))


def _xavier(place: Place, generator: Generator) -> Tensor:
    spread = 1.0 if place.dense else _xavier_std(place.shape)
    return torch.randn(place.shape, generator=generator) * spread


def _xavier_std(shape: Sequence[int]) -> float:
    """sqrt(2 / (fan in + fan out)), the shape read as that of a weight: .0345 for (32, 28, 28)."""
    field = math.prod(shape[2:])
    return math.sqrt(2 / (field * (shape[0] + shape[1])))
