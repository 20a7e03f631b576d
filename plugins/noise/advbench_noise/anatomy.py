"""Which layers of a network carry noise: found by watching one forward pass."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from advbench import RequestError

from .taps import RowBiases, Tap, WithNoise

Where: TypeAlias = Literal["none", "fc", "all"]
_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


@dataclass(frozen=True)
class Place:
    """name: of the layer in the network. shape: of what one example makes of it, (m,) if fully connected."""

    name: str
    shape: tuple[int, ...]

    @property
    def dense(self) -> bool:
        return len(self.shape) == 1

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def told(self, number: int) -> str:
        """What a user calls the number-th layer with noise, counted from 1."""
        return f"layer {number} ({self.size} units)" if self.dense else f"layer {number} ({_by(self.shape)})"


def _by(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


@dataclass(frozen=True)
class _Call:
    """One call of one layer."""

    name: str
    layer: nn.Module
    given: Tensor
    made: Tensor


def wire(network: nn.Module, tap: Tap, example: Tensor, where: Where, logits: bool) -> list[Place]:
    """Put noise on the network's layers, in the order in which they run; returns their places.

    fc: every fully connected layer, the last only if `logits`.  all: convolutions too, after the batch
    normalisation that follows one; in residual blocks on the last convolution alone, which is noise on
    the block's sum before its activation.
    """
    if where == "none":
        return []
    lists = _lists(network)
    if lists is not None:
        return _wire_lists(network, *lists, tap, logits)
    calls = _watch(network, example)
    dense = [call for call in calls if _is_dense(call.layer, call.made)]
    noisy = dense if logits else dense[:-1]
    if where == "all":
        noisy = noisy + _convolutions(network, calls)
    order = {id(call): number for number, call in enumerate(calls)}
    places: dict[str, Place] = {}
    for call in sorted(noisy, key=lambda call: order[id(call)]):
        if call.name in places:
            raise RequestError(
                f"noise: layers of its model must run once a pass, got '{call.name}' twice. Choose another model."
            )
        _replace(network, call.name, WithNoise(call.layer, tap, len(places)))
        places[call.name] = Place(call.name, tuple(call.made.shape[1:]))
    return list(places.values())


def _wire_lists(network: nn.Module, name: str, biases: nn.ParameterList, tap: Tap, logits: bool) -> list[Place]:
    kept = list(biases) if logits else list(biases)[:-1]
    _replace(network, name, RowBiases(biases, tap, [i if i < len(kept) else None for i in range(len(biases))]))
    return [Place(f"{name}.{i}", (bias.shape[-1],)) for i, bias in enumerate(kept)]


def _lists(network: nn.Module) -> tuple[str, nn.ParameterList] | None:
    """The list of biases (1, 1, b) beside a list of weights (1, a, b), if the network is made of these."""
    for name, module in network.named_modules():
        weights, biases = (getattr(module, part, None) for part in ("weights", "biases"))
        if not isinstance(weights, nn.ParameterList) or not isinstance(biases, nn.ParameterList):
            continue
        if all(weight.dim() == 3 and len(weight) == 1 for weight in weights):
            return f"{name}.biases".lstrip("."), biases
    return None


def _watch(network: nn.Module, example: Tensor) -> list[_Call]:
    """The calls of layers in one pass in evaluation mode; example (N, *shape)."""
    calls: list[_Call] = []

    def note(name: str) -> Callable[[nn.Module, Any, Any], None]:
        return lambda layer, given, made: calls.append(_Call(name, layer, given[0], made))

    layers = [(name, layer) for name, layer in network.named_modules() if is_layer(layer)]
    with _hooked(layers, note), torch.no_grad():
        was = network.training
        network.eval()(example)
        network.train(was)
    return calls


@contextmanager
def _hooked(layers: list[tuple[str, nn.Module]], note: Callable[[str], Any]) -> Iterator[None]:
    hooks = [layer.register_forward_hook(note(name)) for name, layer in layers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def is_layer(module: nn.Module) -> bool:
    """Whether this is a convolution, a normalisation, or something with a matrix of weights."""
    weight = module._parameters.get("weight")
    return isinstance(module, (nn.Conv1d, nn.Conv2d, _BatchNorm)) or (weight is not None and weight.dim() == 2)


def _is_dense(layer: nn.Module, made: Tensor) -> bool:
    return not isinstance(layer, (nn.Conv1d, nn.Conv2d, _BatchNorm)) and made.dim() == 2


def _convolutions(network: nn.Module, calls: list[_Call]) -> list[_Call]:
    """The calls that give what convolutions make: their own, or of the normalisation that follows at once."""
    chosen: dict[str, list[_Call]] = {}
    for number, call in enumerate(calls):
        if not isinstance(call.layer, (nn.Conv1d, nn.Conv2d)):
            continue
        after = calls[number + 1] if number + 1 < len(calls) else None
        normalised = after is not None and isinstance(after.layer, _BatchNorm) and after.given is call.made
        chosen.setdefault(_block(network, call.name), []).append(after if normalised and after else call)
    return [call for name, found in chosen.items() for call in (found[-1:] if name else found)]


def _block(network: nn.Module, name: str) -> str:
    """The name of the block that a convolution belongs to: its nearest owner that is no mere container, if
    the network has several of that class; else ''."""
    kinds = Counter(type(module) for module in network.modules())
    parts = name.split(".")[:-1]
    while parts:
        owner = network.get_submodule(".".join(parts))
        if not isinstance(owner, _CONTAINERS):
            return ".".join(parts) if kinds[type(owner)] > 1 else ""
        parts.pop()
    return ""


def _replace(network: nn.Module, name: str, other: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    setattr(network.get_submodule(parent), last, other)  # in place: containers run in their order
