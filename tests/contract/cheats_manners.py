"""Contenders that touch what is not theirs, or keep what they saw, each by one rule."""

from dataclasses import dataclass

import torch
from honest_contenders import Fair, Nearest, Wrapped, model

from advbench import State


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
