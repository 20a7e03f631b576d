"""Fitting the substitute to the victim's labels, and choosing where to ask next."""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from .presets import Settings

_LEAST_STEPS = 20  # a round of few points is repeated until so many steps are made


def fit(network: nn.Module, x: Tensor, y: Tensor, settings: Settings, generator: Generator) -> None:
    """Train on from where the network is, on points (S, *shape) with the victim's labels (S,)."""
    network.train()
    optimizer = _optimizer(network, settings)
    batches = -(-len(y) // settings.batch)
    for _ in range(max(settings.epochs, -(-_LEAST_STEPS // batches))):
        order = torch.randperm(len(y), generator=generator).to(x.device)
        for at in torch.split(order, settings.batch):
            loss = F.cross_entropy(network(x[at]), y[at])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    network.eval()


def _optimizer(network: nn.Module, settings: Settings) -> torch.optim.Optimizer:
    # Made anew in each round, as CleverHans does; the weights stay.
    if settings.optimizer == "sgd":
        return torch.optim.SGD(network.parameters(), lr=settings.learning_rate, momentum=0.9)
    return torch.optim.Adam(network.parameters(), lr=settings.learning_rate)


def augmented(network: nn.Module, x: Tensor, y: Tensor, length: float) -> Tensor:
    """x + length sign(d Z_y / d x), like x: the paper's Jacobian step along the logit of the label y.

    Of the whole Jacobian only the row of y is needed: one backward pass.
    """
    points = x.detach().requires_grad_(True)
    chosen = network(points).gather(1, y.unsqueeze(1)).sum()
    (row,) = torch.autograd.grad(chosen, points)
    return x + length * row.sign()


def sign_of(round_: int, settings: Settings, generator: Generator) -> float:
    """Papernot et al. (Section 5.2): up for three rounds, down for three; the sign-network papers toss a coin."""
    if settings.sign == "coin":
        return float(torch.randint(2, (), generator=generator)) * 2 - 1
    return 1.0 if round_ // 3 % 2 == 0 else -1.0


def agreement(network: nn.Module, x: Tensor, labels: Tensor) -> float:
    """Share of points on which the substitute says what the victim said; NaN without points."""
    with torch.no_grad():
        return float((network(x).argmax(dim=1) == labels).double().mean()) if len(x) else float("nan")
