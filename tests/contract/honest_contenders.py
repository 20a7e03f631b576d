"""Models and defenses that keep every rule; what cheats are made of."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import nn

from advbench import Access, ContenderFacts, State, TorchContender

EXACT = ContenderFacts(access=Access.GRADIENTS, gradients=("exact",), float64=True)
LABELS = ContenderFacts(access=Access.LABELS)
SCORES = ContenderFacts(access=Access.SCORES)


class Nearest:
    """Minus half the squared distance to the mean of each class."""

    facts = EXACT

    def __init__(self, means: torch.Tensor) -> None:
        self.means = means

    def labels(self, x, *, noise=None):
        return self.scores(x, noise=noise).argmax(dim=1)

    def scores(self, x, *, noise=None):
        gap = x.flatten(1).unsqueeze(1) - self.means.to(x)
        return gap.square().sum(dim=2) / -16

    def value_and_grad(self, x, loss, *, gradient, noise=None):
        x = x.detach().requires_grad_(True)
        with torch.enable_grad():
            value = loss(self.smooth(x, noise))
            (grad,) = torch.autograd.grad(value.sum(), x)
        return value.detach(), grad

    def smooth(self, x, noise):
        return self.scores(x, noise=noise)

    def state(self):
        return State({"means": self.means})


@dataclass(frozen=True)
class Fair:
    """The means of each class, with a little of the job's noise."""

    contender: ClassVar[Any] = Nearest

    def facts(self):
        return self.contender.facts

    def build(self, job):
        network = nn.Sequential(nn.Flatten(), nn.Linear(job.facts.features, job.facts.classes))
        with torch.no_grad():
            for weight in network.parameters():
                weight.uniform_(-0.1, 0.1, generator=job.rng.child("init").generator())
        return network

    def fit(self, job):
        return self.contender(self.learn(job))

    def learn(self, job):
        means = torch.stack([job.train.x[job.train.y == k].flatten(1).mean(dim=0) for k in range(job.facts.classes)])
        for step in range(4):
            means = self.step(means, job.rng.child("step", step).generator())
            job.progress(step + 1, 4)
            job.log({"epoch": step + 1, "loss": 1.0 / (step + 1)})
        return means

    def step(self, means, generator):
        return means + torch.rand(means.shape, generator=generator) / 64

    def restore(self, state, job):
        return self.contender(state.arrays["means"])


class Noisy(Nearest):
    facts = replace(EXACT, stochastic=True)

    def scores(self, x, *, noise=None):
        drawn = noise.normal(tuple(x.shape[1:])).to(x.dtype)
        return super().scores(x + drawn / 8)


class Rounded(Nearest):
    facts = ContenderFacts(access=Access.GRADIENTS, gradients=("surrogate/straight",))

    def scores(self, x, *, noise=None):
        return super().scores(x.round())

    def smooth(self, x, noise):
        return Nearest.scores(self, x)


class Shy(Nearest):
    """Shows labels, and abstains where two classes are near."""

    facts = LABELS
    scores = value_and_grad = None

    def labels(self, x, *, noise=None):
        scores = Nearest.scores(self, x)
        best = scores.topk(2, dim=1).values
        return scores.argmax(dim=1).masked_fill(best[:, 0] - best[:, 1] < 0.125, -1)


@dataclass(frozen=True)
class FairNoisy(Fair):
    contender: ClassVar[Any] = Noisy


@dataclass(frozen=True)
class FairRounded(Fair):
    contender: ClassVar[Any] = Rounded


@dataclass(frozen=True)
class FairShy(Fair):
    contender: ClassVar[Any] = Shy


class Proving(Nearest):
    """Its scores differ by linear functions, so it can say how far a label holds."""

    def certify(self, x, norm, eps):
        scores, own = self.scores(x), self.labels(x)
        lead = scores.gather(1, own[:, None]) - scores
        apart = (self.means[own][:, None] - self.means).abs().sum(dim=2)
        return ((lead - 1e-3 > eps * apart / 8) | (apart == 0)).all(dim=1)


@dataclass(frozen=True)
class OwnNetwork(Fair):
    """A defense that brings its own network: `base` is none."""

    contender: ClassVar[Any] = Proving

    def facts(self, base):
        return self.contender.facts

    def protect(self, base, job):
        assert base is None
        return self.fit(job)

    def restore(self, base, state, job):
        return self.contender(state.arrays["means"])


@dataclass(frozen=True)
class Retrained:
    """A defense that trains the model's network itself: `base` is architecture."""

    def facts(self, base):
        return replace(base, stochastic=False)

    def protect(self, base, job):
        network = base.build(job)
        optimiser = torch.optim.SGD(network.parameters(), lr=0.05)
        for step in range(30):
            optimiser.zero_grad()
            nn.functional.cross_entropy(network(job.train.x), job.train.y).backward()
            optimiser.step()
            job.progress(step + 1, 30)
        return TorchContender(network, self.facts(base.facts()))

    def restore(self, base, state, job):
        network = base.build(job)
        network.load_state_dict(dict(state.arrays))
        return TorchContender(network, self.facts(base.facts()))


class Squeezed:
    def __init__(self, base, facts):
        self.base, self.facts = base, facts

    def labels(self, x, *, noise=None):
        return self.base.labels(x.round(), noise=noise)

    def scores(self, x, *, noise=None):
        return self.base.scores(x.round(), noise=noise)

    def state(self):
        return self.base.state()


@dataclass(frozen=True)
class Wrapped:
    """A defense that wraps a trained model: `base` is trained."""

    def facts(self, base):
        return replace(base, access=Access.SCORES, gradients=())

    def protect(self, base, job):
        return Squeezed(base, self.facts(base.facts))

    def restore(self, base, state, job):
        return self.protect(base.restore(state, job), job)


def model(contender_class):
    """The fair model, but with these contenders."""
    made = type(contender_class.__name__, (Fair,), {"contender": contender_class, "__doc__": "Cheats."})
    return dataclass(frozen=True)(made)
