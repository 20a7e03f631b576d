"""Networks of RBFI units (arXiv 1809.09262, section 3), with true derivatives or pseudoderivatives (section 4)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from .geometry import LayerShape
from .reach import Norm, Workers, reach, reach_within

STEEPEST = math.sqrt(2 / math.e)  # largest slope of exp(-t^2), eq. 6
OUTWARD = 1e-6  # by which intervals are widened at each layer; rounding in float32 moves outputs by less
_LEAST = 1e-30  # y of an Or unit below which its output counts as this: its logarithm stays finite
INITIAL_U = (0.2, 0.7)  # as in the released code; the paper says nothing


@dataclass(frozen=True)
class Derivatives:
    """What stands in for derivatives on the way back. None: the true one.

    alpha: of e^-z, -(1 + z)^-alpha (eq. 9 with alpha = 1/2).  k: of the maximum, exp(k (z_i - y)) (eq. 11 with k = 1).
    """

    alpha: float | None = None
    k: float | None = None


@dataclass(frozen=True)
class Range:
    """Where the weights are kept: u in [u_low, u_high], w in [w_low, w_high]; inputs are scaled to [0, 1]."""

    u_low: float = 0.01
    u_high: float = 3.0
    w_low: float = 0.0
    w_high: float = 1.0


class _Attraction(torch.autograd.Function):
    """e^-y forward; backward -(1 + y)^-alpha, which reaches far from the centre."""

    @staticmethod
    def forward(ctx: Any, y: Tensor, alpha: float) -> Tensor:
        ctx.save_for_backward(y)
        ctx.alpha = alpha
        return (-y).exp()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (y,) = ctx.saved_tensors
        return -grad * (1 + y) ** -ctx.alpha, None


def attraction(y: Tensor, alpha: float | None) -> Tensor:
    """e^-y, with the true derivative or the pseudoderivative of that alpha."""
    if alpha is None:
        return (-y).exp()
    near: Tensor = _Attraction.apply(y, alpha)  # type: ignore[no-untyped-call]
    return near


class RbfiLayer(nn.Module):
    """x (B, n) in [0, 1] -> (B, m) in [0, 1]. u, w (m, n); `negated` bool (m,) marks the Or units (eq. 2 and 3)."""

    negated: Tensor

    def __init__(self, inputs: int, units: int, kind: str, norm: Norm, span: Range, generator: torch.Generator) -> None:
        super().__init__()
        self.norm: Norm = norm
        low, high = INITIAL_U
        start = torch.rand(units, inputs, generator=generator) * (high - low) + low
        self.u = nn.Parameter(start.clamp_(span.u_low, span.u_high))
        width = span.w_high - span.w_low
        self.w = nn.Parameter(torch.rand(units, inputs, generator=generator) * width + span.w_low)
        mixed = torch.rand(units, generator=generator) < 0.5
        self.register_buffer("negated", mixed if kind == "*" else torch.full((units,), kind == "v"))

    def reach(self, x: Tensor, by: Derivatives, crew: Workers) -> Tensor:
        """y (B, m) >= 0, the squared norm of u o (x - w)."""
        return reach(x, self.u, self.w, self.norm, by.k, crew)

    def forward(self, x: Tensor, by: Derivatives, crew: Workers) -> Tensor:
        """The units' outputs."""
        near = attraction(self.reach(x, by, crew), by.alpha)
        return torch.where(self.negated, 1 - near, near)

    def logs(self, x: Tensor, by: Derivatives, crew: Workers) -> Tensor:
        """Logarithms of the outputs, precise where those are close to 0 or 1.

        An And unit's is -y: its true derivative never vanishes, and nothing stands in for it.
        """
        y = self.reach(x, by, crew)
        if by.alpha is None:
            return _logs(y, self.negated)
        far = y.clamp_min(_LEAST)
        opposite = torch.log(-torch.expm1(-far.detach()))
        # The value of the logarithm, and the pseudoderivative of the output divided by that output.
        slope = (1 + far.detach()) ** -by.alpha * (-opposite).exp()
        opposite = opposite + slope * (far - far.detach())
        return torch.where(self.negated, opposite, -y)

    def within(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """Bounds of the outputs over all inputs from low to high, widened outwards."""
        near, far = ((-y).exp() for y in reach_within(low, high, self.u, self.w, self.norm))
        least, most = torch.where(self.negated, 1 - near, far), torch.where(self.negated, 1 - far, near)
        return (least - OUTWARD).clamp_min_(0), (most + OUTWARD).clamp_max_(1)

    def logs_within(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """The same of the logarithms; y is widened by a share of itself, as it is rounded."""
        near, far = reach_within(low, high, self.u, self.w, self.norm)
        near, far = near * (1 - OUTWARD), far * (1 + OUTWARD)
        least, most = torch.where(self.negated, near, far), torch.where(self.negated, far, near)
        return _logs(least, self.negated), _logs(most, self.negated)

    def sensitivity(self, before: Tensor) -> Tensor:
        """How fast outputs can move, (m,), if inputs move at most as fast as `before` (n,) (eq. 8)."""
        moved = self.u * before
        return STEEPEST * (moved.amax(dim=1) if self.norm == "linf" else moved.norm(dim=1))


def _logs(y: Tensor, negated: Tensor) -> Tensor:
    return torch.where(negated, torch.log(-torch.expm1(-y.clamp_min(_LEAST))), -y)


class RbfiNetwork(nn.Module):
    """(N, *shape) in [low, high] -> outputs (N, classes) in [0, 1]. The crew works in training only."""

    def __init__(
        self, features: int, shapes: Sequence[LayerShape], classes: int, norm: Norm, span: Range,
        bounds: tuple[float, float], generator: torch.Generator,
    ) -> None:  # fmt: skip
        super().__init__()
        self.low, self.width, self.crew = bounds[0], bounds[1] - bounds[0], Workers()
        sizes = [features, *(classes if shape.units is None else shape.units for shape in shapes)]
        self.layers = nn.ModuleList(
            RbfiLayer(sizes[i], sizes[i + 1], shape.kind, norm, span, generator) for i, shape in enumerate(shapes)
        )

    def forward(self, x: Tensor, by: Derivatives) -> Tensor:
        """The last layer's outputs."""
        x = self.scaled(x)
        for layer in self.layers:
            x = layer(x, by, self.crew)
        return x

    def logs(self, x: Tensor, by: Derivatives) -> Tensor:
        """Their logarithms."""
        x, last = self.scaled(x), len(self.layers) - 1
        for layer in list(self.layers)[:last]:
            x = layer(x, by, self.crew)
        found: Tensor = self.layers[last].logs(x, by, self.crew)  # type: ignore[operator]
        return found

    def logs_within(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """Bounds of the logarithms over all inputs from low to high, by interval propagation."""
        low, high = self.scaled(low) - OUTWARD, self.scaled(high) + OUTWARD
        last = len(self.layers) - 1
        for layer in list(self.layers)[:last]:
            low, high = layer.within(low, high)  # type: ignore[operator]
        found: tuple[Tensor, Tensor] = self.layers[last].logs_within(low, high)  # type: ignore[operator]
        return found

    def sensitivity(self) -> Tensor:
        """(): no output moves by more than this times the largest change of a scaled input (eq. 8)."""
        layers = list(self.layers)
        moved = torch.ones_like(layers[0].u[0])  # type: ignore[index]
        for layer in layers:
            moved = layer.sensitivity(moved)  # type: ignore[operator]
        return moved.amax()

    def scaled(self, x: Tensor) -> Tensor:
        """Flat, in [0, 1]."""
        return (x.flatten(1) - self.low) / self.width
