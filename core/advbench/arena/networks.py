"""Torch networks in the contest: as contenders, and as an attack's own, uncounted playground."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..contract.facts import ContenderFacts
from ..contract.protocols import ChunkLoss, Draws, Goal, State
from ..contract.types import Access, Bounds, Threat
from .asking import Asker
from .draws import NoiseSource, SeedPath
from .ledger import Ledger
from .oracle import GradientOracle
from .rows import Ints

_FACTS = ContenderFacts(access=Access.GRADIENTS, gradients=("exact",), float64=True)


class TorchContender:
    """A network that returns logits, frozen and in evaluation mode.

    A stochastic one (by its facts) is called as `network(x, noise)`.
    """

    def __init__(self, network: nn.Module, facts: ContenderFacts = _FACTS) -> None:
        self.network = network.eval().requires_grad_(False)
        self.facts = facts
        self._double: nn.Module | None = None  # its float64 copy, made when first asked for

    def labels(self, x: Tensor, *, noise: Draws | None = None) -> Tensor:
        """int64 (N,); ties go to the lowest class."""
        return self.scores(x, noise=noise).argmax(dim=1)

    def scores(self, x: Tensor, *, noise: Draws | None = None) -> Tensor:
        """The logits, float32 (N, K)."""
        with torch.no_grad():
            return self._logits(x, noise)

    def value_and_grad(
        self, x: Tensor, loss: ChunkLoss, *, gradient: str = "exact", noise: Draws | None = None
    ) -> tuple[Tensor, Tensor]:
        """By backpropagation through the network."""
        x = x.detach().requires_grad_(True)
        with torch.enable_grad():
            value = loss(self._logits(x, noise))
            (grad,) = torch.autograd.grad(value.sum(), x)
        return value.detach(), grad

    def state(self) -> State:
        """The network's tensors."""
        return State({name: tensor.cpu() for name, tensor in self.network.state_dict().items()})

    def _logits(self, x: Tensor, noise: Draws | None) -> Tensor:
        network = self._for(x.dtype)
        out: Tensor = network(x, noise) if self.facts.stochastic else network(x)
        return out

    def _for(self, dtype: torch.dtype) -> nn.Module:
        """The network, or its copy in float64 if that is what the points are and the network is not."""
        if dtype != torch.float64 or any(p.dtype == torch.float64 for p in self.network.parameters()):
            return self.network
        if self._double is None:
            self._double = copy.deepcopy(self.network).double()
        return self._double


class _Unwatched(Ledger):
    """The ledger of an uncounted oracle: everything is allowed, nothing is kept."""

    def __init__(self, x: Tensor, goal: Goal, threat: Threat, bounds: Bounds | None) -> None:
        super().__init__(x, goal, threat, bounds, lambda a, b: a.new_full((len(a),), math.inf))
        self._asked = np.zeros(len(x), np.int64)

    def charge(self, rows: Ints, queries: int, gradients: int) -> tuple[Ints | None, Ints]:
        number = self._asked[rows]  # a row's points of one call share their noise
        self._asked += np.bincount(rows, minlength=len(self._asked)) * queries
        return None, number

    def record(
        self, points: Any, rows: Ints, number: Ints, labels: Tensor, sure: bool = True, withhold: bool = False
    ) -> None:
        pass

    def note_signal(self, rows: Ints, gradients: Tensor) -> None:
        pass


class LocalOracle(GradientOracle):
    """Runs any attack on one's own network, uncounted.

    `network` is a torch module returning logits, or any contender; `shape` is one input's;
    float64 arithmetic needs a module; `noise`, int64 (N,), is a stochastic contender's seed for
    each row, drawn by the attack's own streams. Points are checked as by any other oracle.
    """

    def __init__(
        self,
        network: Any,
        goal: Goal,
        threat: Threat,
        *,
        shape: tuple[int, ...],
        classes: int,
        bounds: Bounds | None = None,
        dtype: torch.dtype = torch.float32,
        noise: Tensor | None = None,
    ) -> None:
        if isinstance(network, nn.Module):
            network = TorchContender(copy.deepcopy(network).to(dtype))
        device = goal.y.device
        x = torch.zeros(len(goal.y), *shape, dtype=dtype, device=device)
        source = None if noise is None else NoiseSource(SeedPath(0, "local"), noise.tolist())
        super().__init__(Asker(network, classes, device), _Unwatched(x, goal, threat, bounds), source)
