"""Layers whose rows never depend on their neighbours, and weights drawn from a generator that is handed in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import skip_init

from advbench import Bounds, DatasetFacts, Modality

Start: TypeAlias = Literal["uniform", "glorot", "he"]
_WIDE = 16  # columns from which on a row of a product of matrices depends on nothing but itself


class Dense(nn.Module):
    """x weight^T + bias; x (N, a), weight (b, a).

    Narrow matrices are filled up with zeros to 16 columns: between 5 and 11 of them, some processors
    let a row's last bits depend on its place among the others, forwards (b) and backwards (a).
    """

    def __init__(self, inputs: int, outputs: int, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """(N, b)."""
        return product(x, self.weight, self.bias)


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x weight^T + bias, filled up to `_WIDE` columns inside; x (N, a), weight (b, a), bias (b,)."""
    outputs, inputs = weight.shape
    right, below = max(0, _WIDE - inputs), max(0, _WIDE - outputs)
    if right or below:
        x, weight = F.pad(x, (0, right)), F.pad(weight, (0, right, 0, below))
        bias = F.pad(bias, (0, below)) if bias is not None else None
    return F.linear(x, weight, bias)[:, :outputs]


class Scaled(nn.Module):
    """Raw inputs between the data's bounds -> (x01 - mean) / std, x01 in [0, 1]; mean and std per channel or one."""

    def __init__(self, bounds: Bounds | None, mean: Tensor | float = 0.0, std: Tensor | float = 1.0) -> None:
        super().__init__()
        low, width = (bounds.low, bounds.width) if bounds is not None else (0.0, 1.0)
        self.register_buffer("shift", low + width * torch.as_tensor(mean, dtype=torch.float32))
        self.register_buffer("scale", width * torch.as_tensor(std, dtype=torch.float32))
        self.shift: Tensor
        self.scale: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        return (x - self.shift) / self.scale


class Standardised(Scaled):
    """(x - mean) / spread of what `learn` was shown; before that, x itself. mean: (*shape), or one number.

    The spread is one number, so that inputs keep their sizes beside each other.
    """

    def __init__(self, shape: tuple[int, ...] = ()) -> None:
        super().__init__(None, mean=torch.zeros(shape))

    def learn(self, x: Tensor) -> None:
        """x (N, ...); inputs that are all alike are only moved."""
        known = x.double()
        mean = known.mean(dim=0) if self.shift.dim() else known.mean()
        spread = (known - mean).square().mean().sqrt()
        self.shift.copy_(mean)
        self.scale.copy_(spread if spread > 0 else torch.ones(()))


def scaled(facts: DatasetFacts, each: bool = False) -> Scaled:
    """Pictures by their bounds, all else by the training split, for bounds need not say where numbers lie: means of
    word vectors fill a hundredth of the range of words. each: every input is centred by itself.
    """
    if facts.modality is Modality.IMAGE:
        return Scaled(facts.bounds)
    return Standardised(facts.shape if each and facts.shape is not None else ())


def learn_scales(networks: Sequence[nn.Module], x: Tensor) -> None:
    """Show the training split to all layers that scale by it; networks of equal layout."""
    layers = [layer for network in networks for layer in network.modules() if isinstance(layer, Standardised)]
    for layer in layers[:1]:
        layer.learn(x)
    for layer in layers[1:]:
        layer.load_state_dict(layers[0].state_dict())


class Dropout(nn.Module):
    """Zeroes a share of the features while training, with draws of its own: no global generator is touched."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share, self.seed, self.calls = share, 0, 0

    def reseed(self, seed: int) -> None:
        """Start a new stream of masks."""
        self.seed, self.calls = seed, 0

    def forward(self, x: Tensor) -> Tensor:
        """Same shape; what is kept is scaled up."""
        if not self.training or self.share == 0:
            return x
        generator = torch.Generator().manual_seed((self.seed + self.calls) % 2**63)
        self.calls += 1
        kept = torch.rand(x.shape, generator=generator) >= self.share
        return x * kept.to(x.device) / (1 - self.share)


def conv(inputs: int, outputs: int, kernel: int, *, stride: int = 1, padding: int = 0, bias: bool = True) -> nn.Conv2d:
    """A convolution without weights so far: `draw` gives it some."""
    layer: nn.Conv2d = skip_init(nn.Conv2d, inputs, outputs, kernel, stride=stride, padding=padding, bias=bias)  # type: ignore[no-untyped-call]
    return layer


class Conv1d(nn.Module):
    """A convolution along time that keeps its length, (N, C, T) -> (N, C', T); without weights so far."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.margin = ((kernel - 1) // 2, kernel // 2)
        self.conv: nn.Conv1d = skip_init(nn.Conv1d, inputs, outputs, kernel)  # type: ignore[no-untyped-call]

    def forward(self, x: Tensor) -> Tensor:
        """(N, C', T)."""
        out: Tensor = self.conv(F.pad(x, self.margin))
        return out


def draw(network: nn.Module, generator: torch.Generator, start: Start = "uniform") -> nn.Module:
    """Draw all weights of dense layers and convolutions, in their order; returns the network.

    uniform: U(+-1 / sqrt(fan in)), biases too.  glorot: Glorot and Bengio 2010, eq. 16, biases 0.  he: He et
    al. 2015, normal by fan out, for convolutions without biases; dense layers as in uniform.
    """
    for layer in network.modules():
        if not isinstance(layer, (Dense, nn.Conv2d, nn.Conv1d)):
            continue
        weight = layer.weight
        field = math.prod(weight.shape[2:])
        fan_in, fan_out = weight.shape[1] * field, weight.shape[0] * field
        with torch.no_grad():
            own = "uniform" if start == "he" and isinstance(layer, Dense) else start
            if own == "he":
                weight.normal_(0, math.sqrt(2 / fan_out), generator=generator)
            else:
                limit = 1 / math.sqrt(fan_in) if own == "uniform" else math.sqrt(6 / (fan_in + fan_out))
                weight.uniform_(-limit, limit, generator=generator)
            if layer.bias is not None:
                layer.bias.zero_()
                if own == "uniform":
                    layer.bias.uniform_(-1 / math.sqrt(fan_in), 1 / math.sqrt(fan_in), generator=generator)
    return network
