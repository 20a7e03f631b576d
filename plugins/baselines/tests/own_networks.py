"""Networks and functions that a user might have."""

import numpy as np
import torch
from torch import nn

SHAPE, CLASSES = (3, 8, 8), 4


def convolutional(classes=CLASSES, norm=True):
    generator = torch.Generator().manual_seed(0)
    layers = [nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Dropout(0.5), nn.Flatten(), nn.Linear(216, classes)]
    network = nn.Sequential(*(layer for layer in layers if norm or not isinstance(layer, nn.BatchNorm2d)))
    for weight in network.parameters():
        weight.data.normal_(0, 0.2, generator=generator)
    return network


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = convolutional().eval()

    def forward(self, x):
        return self.inner(x)


network = convolutional()
number = 3


def as_numpy(x):
    scores = network.eval()(x).detach().numpy()
    return np.asarray(scores, dtype=np.float64)


def labels(x):
    return network.eval()(x).argmax(dim=1)


def far_labels(x):
    return labels(x) + 1


def shares(x):
    return network.eval()(x).softmax(dim=1)


def channels_last(x):
    assert x.shape[1:] == (8, 8, 3)
    return network.eval()(x.permute(0, 3, 1, 2))


def logarithm(x):
    return network.eval()(x).log()


def batch_statistics(x):
    scores = network.eval()(x)
    return scores - scores.mean(dim=0)


def names(x):
    return ["cat"] * len(x)


def one_answer(x):
    return torch.zeros(4)
