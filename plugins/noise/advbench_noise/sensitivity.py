"""How far a change of the input can move a logit: the bound of rbfi-networks, eqs. 6 and 7, Table 4."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .network import NoisyNetwork
from .taps import RowBiases, WithNoise

_SLOPES = {nn.ReLU: 1.0, nn.LeakyReLU: 1.0, nn.Tanh: 1.0, nn.Identity: 1.0, nn.Sigmoid: 0.25}


@torch.no_grad()
def sensitivity_bound(network: NoisyNetwork) -> float | None:
    """No logit moves by more than this times the largest change of an input (Linf), whatever the fixed noise.

    Layer by layer s <- slope x |W| s from s = 1 at the input: added noise is no part of it. None where a layer is of
    a kind whose largest slope is not known here (normalisation, residual blocks).
    """
    for module in network.network.modules():
        weights, biases = (getattr(module, name, None) for name in ("weights", "biases"))
        if isinstance(weights, nn.ParameterList) and isinstance(biases, (nn.ParameterList, RowBiases)):
            return _of_lists(module)
    reach = torch.ones(1, *network.shape, device=network.sigma.device)
    out = _through(network.network, reach)
    return None if out is None else float(out.amax())


def _of_lists(module: nn.Module) -> float | None:
    weights, activation = module.weights, getattr(module, "activation", None)
    slope = {"relu": 1.0, "tanh": 1.0, "sigmoid": 0.25}.get(str(activation))
    if slope is None:
        return None
    reach: Tensor = torch.ones(1, weights[0].shape[1], device=weights[0].device)  # type: ignore[index]
    for i, weight in enumerate(weights):  # type: ignore[arg-type]
        reach = reach @ weight[0].abs() * (slope if i + 1 < len(weights) else 1.0)  # type: ignore[arg-type]
    return float(reach.amax())


def _through(module: nn.Module, reach: Tensor) -> Tensor | None:
    """reach (1, *shape of the module's input) -> (1, *shape of its output)."""
    if isinstance(module, WithNoise):
        return _through(module.layer, reach)
    if type(module) in _SLOPES:
        return reach * _SLOPES[type(module)]
    if isinstance(module, (nn.Flatten, nn.MaxPool1d, nn.MaxPool2d, nn.AvgPool2d, nn.Dropout)):
        flat: Tensor = module(reach)
        return flat
    if isinstance(module, (nn.Conv1d, nn.Conv2d)) and module.padding_mode == "zeros":
        convolve = F.conv2d if isinstance(module, nn.Conv2d) else F.conv1d
        return convolve(reach, module.weight.abs(), None, module.stride, module.padding, module.dilation, module.groups)
    weight = module._parameters.get("weight")
    if weight is not None and weight.dim() == 2:
        return F.linear(reach, weight.abs())
    buffers = dict(module.named_buffers(recurse=False))
    if set(buffers) == {"shift", "scale"} and not list(module.children()):
        return reach / buffers["scale"].abs()
    if isinstance(module, nn.Sequential):
        for part in module:
            found = _through(part, reach)
            if found is None:
                return None
            reach = found
        return reach
    inner = list(module.children())  # a wrapper of one network
    if len(inner) == 1:
        inner = list(inner[0]) if isinstance(inner[0], nn.ModuleList) else inner
        return _through(inner[0], reach) if len(inner) == 1 else None
    return None
