"""Contenders that are not what their facts say, each by one rule."""

from dataclasses import replace

import torch
from cheating import COUNT
from honest_contenders import EXACT, LABELS, Fair, Nearest, Rounded, model


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
