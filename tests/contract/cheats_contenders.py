"""Models and defenses that each break one rule, next to honest ones."""

import time
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import nn

from advbench import Access, ContenderFacts, State, TorchContender

EXACT = ContenderFacts(access=Access.GRADIENTS, gradients=("exact",), float64=True)
LABELS = ContenderFacts(access=Access.LABELS)
SCORES = ContenderFacts(access=Access.SCORES)
COUNT: list[int] = []  # how often something was done, for cheats that keep track


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


# What follows breaks one rule each.


def model(contender_class):
    """The fair model, but with these contenders."""
    made = type(contender_class.__name__, (Fair,), {"contender": contender_class, "__doc__": "Cheats."})
    return dataclass(frozen=True)(made)


class TrueFacts(Nearest):
    facts = replace(EXACT, classes=7)


class PromisesOtherwise(Fair):
    contender = TrueFacts

    def facts(self):
        return EXACT


@model
class HasScoresAllTheSame(Nearest):
    facts = LABELS
    value_and_grad = None


@model
class NamesNoGradient(Nearest):
    facts = replace(EXACT, gradients=())


@model
class MisnamesItsGradient(Nearest):
    facts = replace(EXACT, gradients=("true",))


@model
class FlipsItsGradient(Nearest):
    def value_and_grad(self, x, loss, *, gradient, noise=None):
        value, grad = super().value_and_grad(x, loss, gradient=gradient)
        return value, -grad


@model
class ReturnsHalfAGradient(Nearest):
    def value_and_grad(self, x, loss, *, gradient, noise=None):
        value, grad = super().value_and_grad(x, loss, gradient=gradient)
        return value, grad.flatten(1)[:, ::2]


@model
class CallsItsSurrogateExact(Rounded):
    facts = replace(EXACT, float64=False)


@model
class CallsItsGradientASurrogate(Nearest):
    facts = replace(EXACT, gradients=("surrogate",))


@model
class DrawsUncalled(Nearest):
    def scores(self, x, *, noise=None):
        COUNT.append(1)
        return super().scores(x) + len(COUNT) / 64


@model
class OnlyClaimsNoise(Nearest):
    facts = replace(EXACT, stochastic=True)


@model
class AnswersInFloat32(Nearest):
    def scores(self, x, *, noise=None):
        return super().scores(x).float()


@model
class RoundsOnTheWay(Nearest):
    def scores(self, x, *, noise=None):
        return super().scores(x.float()).to(x.dtype)


@model
class ExceedsItsMargin(Nearest):
    facts = replace(EXACT, largest_margin=1.0)


@model
class CertifiesWhatItLikes(Nearest):
    def certify(self, x, norm, eps):
        return torch.ones(len(x), dtype=torch.bool)


@model
class CertifiesLargeBallsOnly(Nearest):
    def certify(self, x, norm, eps):
        return torch.full((len(x),), eps > 0.1)


@model
class CertifiesByHalves(Nearest):
    def certify(self, x, norm, eps):
        return torch.zeros(len(x))


@model
class LabelsInAColumn(Nearest):
    def labels(self, x, *, noise=None):
        return super().labels(x).unsqueeze(1)


@model
class LabelsFromOne(Nearest):
    def labels(self, x, *, noise=None):
        return super().labels(x) + 1


@model
class ScoresInFloat64(Nearest):
    def scores(self, x, *, noise=None):
        return super().scores(x).double()


@model
class ScoresOfNaN(Nearest):
    def scores(self, x, *, noise=None):
        return (super().scores(x) - 1).sqrt()


@model
class SqueezesOneRow(Nearest):
    def labels(self, x, *, noise=None):
        return super().labels(x).squeeze()


@model
class LogarithmOfInk(Nearest):
    def scores(self, x, *, noise=None):
        return super().scores(x) + (x.flatten(1) + 1).mean(dim=1, keepdim=True).log()


@model
class TiesGoUp(Nearest):
    def scores(self, x, *, noise=None):
        return super().scores(x).div(4).round()

    def labels(self, x, *, noise=None):
        scores = self.scores(x)
        return scores.shape[1] - 1 - scores.flip(1).argmax(dim=1)


@model
class AnswersTheSecondBest(Nearest):
    def labels(self, x, *, noise=None):
        return self.scores(x).topk(2, dim=1).indices[:, 1]


@model
class ShowsProbabilities(Nearest):
    def scores(self, x, *, noise=None):
        return super().scores(x).softmax(dim=1)


@model
class CentresTheBatch(Nearest):
    def scores(self, x, *, noise=None):
        return super().scores(x - x.mean(dim=0))


class OneAnswer(Nearest):
    facts = SCORES
    value_and_grad = None

    def scores(self, x, *, noise=None):
        return torch.eye(len(self.means))[0].repeat(len(x), 1) * 5


AlwaysTheSame = model(OneAnswer)


@dataclass(frozen=True)
class SeedsItself(Fair):
    def step(self, means, generator):
        COUNT.append(1)
        return means + len(COUNT) / 64


@dataclass(frozen=True)
class StopsBeforeTheEnd(Fair):
    def learn(self, job):
        return super().learn(replace(job, progress=lambda done, total: job.progress(done, total + 1)))


@dataclass(frozen=True)
class CountsEachPhase(Fair):
    def learn(self, job):
        super().learn(job)
        return super().learn(job)


@dataclass(frozen=True)
class Silent(Fair):
    def learn(self, job):
        time.sleep(0.1)
        return super().learn(replace(job, progress=lambda done, total: None))


@dataclass(frozen=True)
class LogsItsMood(Fair):
    def learn(self, job):
        job.log({"mood": 1.0})
        return super().learn(job)


@dataclass(frozen=True)
class ReturnsEarly(Fair):
    def step(self, means, generator):
        return means if COUNT else super().step(means, generator)

    def learn(self, job):
        COUNT.clear()
        if job.deadline is not None and time.monotonic() >= job.deadline:
            COUNT.append(1)
        return super().learn(job)


@dataclass(frozen=True)
class HearsNoInterruption(Fair):
    def learn(self, job):
        def progress(done, total):
            try:
                job.progress(done, total)
            except Exception:
                return

        return super().learn(replace(job, progress=progress))


@dataclass(frozen=True)
class StoresHalf(Fair):
    """Its checkpoint says that it has begun, not how far it came."""

    def learn(self, job):
        place = job.checkpoints / "begun" if job.checkpoints else None
        begun = place is not None and place.exists()
        if place is not None:
            place.touch()
        means = super().learn(job)
        return means / 2 if begun else means


@model
class StateOfTuples(Nearest):
    def state(self):
        return State({"means": self.means}, {"sizes": (1, 2)})


class Shifted(Nearest):
    shift = 0.0

    def scores(self, x, *, noise=None):
        return super().scores(x - self.shift)


@dataclass(frozen=True)
class ForgetsItsShift(Fair):
    contender: ClassVar[Any] = Shifted

    def fit(self, job):
        made = super().fit(job)
        made.shift = 0.5
        return made


@dataclass(frozen=True)
class RoundsItsState(Fair):
    def restore(self, state, job):
        return self.contender(state.arrays["means"] * (1 + 1e-6))


@dataclass(frozen=True)
class DrawsWhenRestored(Fair):
    contender: ClassVar[Any] = Shifted

    def restore(self, state, job):
        made = super().restore(state, job)
        COUNT.append(1)
        made.shift = len(COUNT) * 1e-5
        return made


@dataclass(frozen=True)
class LooksAtItsTrainingAgain(Fair):
    def restore(self, state, job):
        assert job.train.x.dim() > 1
        return super().restore(state, job)


@model
class ClipsItsPoints(Nearest):
    def labels(self, x, *, noise=None):
        return super().labels(x.clamp_(0, 1))


class WithGraph(Nearest):
    def __init__(self, means):
        self.means = means.clone().requires_grad_(True)

    def state(self):
        return State({"means": self.means.detach()})


KeepsItsGraph = model(WithGraph)


@model
class TrustsTheCallersMode(Nearest):
    def value_and_grad(self, x, loss, *, gradient, noise=None):
        x = x.detach().requires_grad_(True)
        value = loss(self.scores(x))
        (grad,) = torch.autograd.grad(value.sum(), x)
        return value.detach(), grad


@model
class LearnsFromQuestions(Nearest):
    def labels(self, x, *, noise=None):
        found = super().labels(x)
        self.means = self.means + 1 / 64
        return found


@dataclass(frozen=True)
class ScalesItsData(Fair):
    def learn(self, job):
        job.train.x.mul_(0.5)
        return super().learn(job)


@dataclass(frozen=True)
class SeedsTheProcess(Fair):
    def learn(self, job):
        torch.manual_seed(0)
        torch.rand(1)
        return super().learn(job)


@model
class SwitchesGradientsOff(Nearest):
    def labels(self, x, *, noise=None):
        torch.set_grad_enabled(False)
        return super().labels(x)


@dataclass(frozen=True)
class PrintsItsLoss(Fair):
    def learn(self, job):
        print("loss 0.25")
        return super().learn(job)


@model
class PrintsAnswers(Nearest):
    def labels(self, x, *, noise=None):
        print("a question")
        return super().labels(x)


@dataclass(frozen=True)
class KeepsItsMeans(Fair):
    def learn(self, job):
        means = super().learn(job)
        object.__setattr__(self, "means", means)
        return means


@dataclass(frozen=True)
class TrainsItsBaseOn(Wrapped):
    def protect(self, base, job):
        for weight in base.network.parameters():
            weight.mul_(1.5)
        return super().protect(base, job)


@dataclass(frozen=True)
class BuildsFrozen(Fair):
    def build(self, job):
        return super().build(job).requires_grad_(False)


@dataclass(frozen=True)
class BuildsTooWide(Fair):
    def build(self, job):
        return nn.Sequential(nn.Flatten(), nn.Linear(job.facts.features, job.facts.classes + 1))


@dataclass(frozen=True)
class BuildsFromTorchsSeed(Fair):
    def build(self, job):
        return nn.Sequential(nn.Flatten(), nn.Linear(job.facts.features, job.facts.classes))
