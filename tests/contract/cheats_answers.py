"""Contenders whose labels or scores are not as they must be, each by one rule."""

import torch
from honest_contenders import SCORES, Nearest, model


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
