"""Plain networks: softmax regression, and fully connected networks alone or in a vote."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from advbench import Access, ContenderFacts, ContestError, Job, State, TorchContender, param

_FACTS = ContenderFacts(access=Access.GRADIENTS, gradients=("exact",), float64=True)
_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": F.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh}


class _ToEachVote(torch.autograd.Function):
    """(N, features) -> (votes, N, features). The gradient is added up vote by vote: `sum` adds
    in another order at the end of its memory, so that a row would depend on its place."""

    @staticmethod
    def forward(ctx: object, x: Tensor, votes: int) -> Tensor:
        return x.expand(votes, *x.shape)

    @staticmethod
    def backward(ctx: object, grad: Tensor) -> tuple[Tensor, None]:
        total = grad[0]
        for other in grad[1:]:
            total = total + other
        return total, None


class VotedNetwork(nn.Module):
    """`votes` networks of equal layout side by side: (N, *shape) -> logits (N, votes, classes)."""

    def __init__(self, sizes: tuple[int, ...], votes: int, activation: str, generator: torch.Generator) -> None:
        super().__init__()
        self.activation = activation
        pairs = list(itertools.pairwise(sizes))
        self.weights = nn.ParameterList(_initial(generator, votes, a, b) for a, b in pairs)
        self.biases = nn.ParameterList(nn.Parameter(torch.zeros(votes, 1, b)) for _, b in pairs)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of every vote for every input."""
        inputs: Tensor = _ToEachVote.apply(x.flatten(1), len(self.weights[0]))  # type: ignore[no-untyped-call]
        return self.votes(inputs).transpose(0, 1)

    def votes(self, x: Tensor) -> Tensor:
        """(votes, N, features) -> (votes, N, classes): each vote sees its own inputs."""
        last = len(self.weights) - 1
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = _product(bias, x, weight)
            if i < last:
                x = _ACTIVATIONS[self.activation](x)
        return x


def _product(bias: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    """bias + x weight, for each vote; x (votes, N, a), weight (votes, a, b)."""
    if weight[0].numel() >= 25:
        # Between 4 and 12 columns, some processors let a row's last bits depend on its place among the others.
        width = weight.shape[2]
        fill = 16 - width if 4 < width < 16 else 0
        return torch.baddbmm(F.pad(bias, (0, fill)), x, F.pad(weight, (0, fill)))[:, :, :width]
    # Below 400 multiplications torch changes to other code, with other last bits: 16 rows x 25.
    for i in range(weight.shape[1]):
        bias = bias + x[:, :, i : i + 1] * weight[:, i : i + 1]
    return bias


def _initial(generator: torch.Generator, votes: int, fan_in: int, fan_out: int) -> nn.Parameter:
    # Glorot and Bengio 2010, eq. 16
    limit = math.sqrt(6 / (fan_in + fan_out))
    return nn.Parameter((torch.rand(votes, fan_in, fan_out, generator=generator) * 2 - 1) * limit)


class MeanProbability(nn.Module):
    """Log of the mean probability over votes, float32 (N, K)."""

    def __init__(self, network: VotedNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """Log-space scores."""
        logits: Tensor = self.network(x)
        return logits.log_softmax(dim=2).logsumexp(dim=1) - math.log(logits.shape[1])


class HardVotes(TorchContender):
    """Each vote counts once for its class; scores are log((count + 1/2) / (votes + K/2)).

    The gradient offered is a surrogate, that of the mean probability.
    """

    def __init__(self, module: MeanProbability, facts: ContenderFacts) -> None:
        super().__init__(module, facts)
        self.module = module

    def scores(self, x: Tensor, *, noise: object = None) -> Tensor:
        with torch.no_grad():
            logits = self.module.network(x)
            counts = F.one_hot(logits.argmax(dim=2), logits.shape[2]).sum(dim=1)
        shares: Tensor = (counts + 0.5) / (logits.shape[1] + 0.5 * logits.shape[2])
        return shares.log()


@dataclass(frozen=True)
class Mlp:
    """Fully connected network; `votes` > 1 trains that many.

    `sensitivity` adds c s(N) to each network's loss, s(N) being the bound of eq. 7 in "Neural networks
    with structural resistance to adversarial attacks" (arXiv 1809.09262) on how fast a logit can move.
    """

    hidden: tuple[int, ...] = param((64,), ge=1, help="units per hidden layer, split at '/'")
    activation: Literal["relu", "sigmoid", "tanh"] = param("relu", help="between layers")
    votes: int = param(1, ge=1, help="networks trained, each from its own start and batches")
    vote: Literal["soft", "hard"] = param("soft", help="average probabilities, or count winners")
    epochs: int = param(100, ge=1, help="passes over the training split")
    learning_rate: float = param(0.01, gt=0, le=1000, help="the optimiser's step; it falls to 0 along a cosine")
    weight_decay: float = param(1e-4, ge=0, le=1000, help="L2 penalty on all weights")
    batch: int = param(64, ge=1, help="examples per step")
    optimizer: Literal["adam", "sgd", "adadelta"] = param("adam", help="sgd: momentum .9; adadelta: steps near 1")
    loss: Literal["ce", "square"] = param("ce", help="cross-entropy, or square error of the probabilities")
    sensitivity: float = param(0.0, ge=0, le=1_000_000, help="weight c of the bound on sensitivity in the loss")

    def facts(self) -> ContenderFacts:
        if self.vote == "soft":
            return _FACTS
        return replace(_FACTS, gradients=("surrogate",), float64=False, largest_margin=math.log(2 * self.votes + 1))

    def build(self, job: Job) -> MeanProbability:
        sizes = (job.facts.features, *self.hidden, job.facts.classes)
        return MeanProbability(VotedNetwork(sizes, self.votes, self.activation, job.rng.child("init").generator()))

    def fit(self, job: Job) -> TorchContender:
        module = self.build(job).to(job.device)
        _train(module.network, self, job)
        return self._contender(module)

    def restore(self, state: State, job: Job) -> TorchContender:
        module = self.build(job)
        module.load_state_dict(dict(state.arrays))
        return self._contender(module.to(job.device))

    def _contender(self, module: MeanProbability) -> TorchContender:
        return TorchContender(module, self.facts()) if self.vote == "soft" else HardVotes(module, self.facts())


@dataclass(frozen=True)
class Linear:
    """Softmax regression; its smallest adversarial changes have closed forms."""

    epochs: int = param(100, ge=1, help="passes over the training split")
    learning_rate: float = param(
        0.1, gt=0, le=1000, help="Adam's step; a tenth of it does not arrive in 100 small epochs"
    )
    weight_decay: float = param(1e-4, ge=0, le=1000, help="L2 penalty on all weights")
    batch: int = param(64, ge=1, help="examples per step")

    def facts(self) -> ContenderFacts:
        return _FACTS

    def build(self, job: Job) -> MeanProbability:
        return self._network().build(job)

    def fit(self, job: Job) -> TorchContender:
        return self._network().fit(job)

    def restore(self, state: State, job: Job) -> TorchContender:
        return self._network().restore(state, job)

    def _network(self) -> Mlp:
        return Mlp(
            hidden=(), epochs=self.epochs, learning_rate=self.learning_rate,
            weight_decay=self.weight_decay, batch=self.batch,
        )  # fmt: skip


def _train(network: VotedNetwork, settings: Mlp, job: Job) -> None:
    """Train all votes at once; each sees the examples in an order of its own."""
    x, y = job.train.x.flatten(1).to(job.device), job.train.y.to(job.device)  # type: ignore[union-attr]
    generator = job.rng.child("batches").generator()
    optimiser = _optimiser(network, settings)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.epochs)
    started = time.monotonic()
    for epoch in range(settings.epochs):
        orders = torch.rand(settings.votes, len(y), generator=generator).argsort(dim=1).to(job.device)
        total = 0.0
        for start in range(0, len(y), settings.batch):
            index = orders[:, start : start + settings.batch]
            logits = network.votes(x[index])
            loss = _losses(logits.flatten(0, 1), y[index].flatten(), settings.loss).sum() / index.shape[1]
            if settings.sensitivity:
                loss = loss + settings.sensitivity * sensitivity_bound(network).sum()
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            total += float(loss.detach()) * index.shape[1]
        schedule.step()
        if not math.isfinite(total):
            raise ContestError(
                f"mlp: the loss must be finite, got {total} in epoch {epoch + 1}. Lower learning_rate (now"
                f" {settings.learning_rate:g}), weight_decay or sensitivity."
            )
        row = {"epoch": epoch, "loss": total / (len(y) * settings.votes), "seconds": time.monotonic() - started}
        if settings.sensitivity:
            row["sensitivity_bound"] = float(sensitivity_bound(network).detach().mean())
        job.log(row)
        job.progress(epoch + 1, settings.epochs)


def sensitivity_bound(network: VotedNetwork) -> Tensor:
    """(votes,): no logit moves by more than this times the largest change of an input.

    s_j = slope x sum_i |W_ij| s_i from layer to layer, s = 1 at the input; the largest slope of the
    activation is 1/4 for sigmoid, else 1.
    """
    reach = torch.ones(len(network.weights[0]), 1, network.weights[0].shape[1], device=network.weights[0].device)
    slope = 0.25 if network.activation == "sigmoid" else 1.0
    for i, weight in enumerate(network.weights):
        reach = reach @ weight.abs() * (slope if i < len(network.weights) - 1 else 1.0)
    return reach.amax(dim=(1, 2))


def _optimiser(network: VotedNetwork, settings: Mlp) -> torch.optim.Optimizer:
    rate, decay = settings.learning_rate, settings.weight_decay
    if settings.optimizer == "sgd":
        return torch.optim.SGD(network.parameters(), lr=rate, momentum=0.9, weight_decay=decay, foreach=True)
    kind = torch.optim.Adam if settings.optimizer == "adam" else torch.optim.Adadelta
    return kind(network.parameters(), lr=rate, weight_decay=decay, foreach=True)


def _losses(logits: Tensor, y: Tensor, loss: str) -> Tensor:
    """(N, K), (N,) -> (N,); the square error is summed over classes."""
    if loss == "ce":
        return F.cross_entropy(logits, y, reduction="none")
    return (logits.softmax(dim=1) - F.one_hot(y, logits.shape[1])).square().sum(dim=1)
