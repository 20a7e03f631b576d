"""Short ways to a job, and to networks with noise."""

import random
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from advbench import Access, Bounds, ContenderFacts, DatasetFacts, Examples, Job, Modality

FACTS = ContenderFacts(access=Access.GRADIENTS, gradients=("exact",), float64=True)


class Seeds:
    """Names to seeds, as the arena hands them out."""

    def __init__(self, *names):
        self.names = names

    def child(self, *names):
        return Seeds(*self.names, *names)

    def seed(self):
        return random.Random(repr(self.names)).getrandbits(63)

    def generator(self):
        return torch.Generator().manual_seed(self.seed())


class Draws:
    """One stream for all rows."""

    def __init__(self, rows, seed=0):
        self.rows, self.generator = rows, torch.Generator().manual_seed(seed)

    def normal(self, shape):
        return torch.randn(self.rows, *shape, generator=self.generator)


class Net:
    """A model without parameters: `make()` gives its network; training is Adam 1e-2, batch 16, 3 epochs."""

    epochs, batch, learning_rate, weight_decay, schedule = 3, 16, 1e-2, 0.0, "constant"

    def __init__(self, make, **settings):
        self.make = make
        for name, value in settings.items():
            setattr(self, name, value)

    def facts(self):
        return FACTS

    def build(self, job):
        with torch.random.fork_rng():
            torch.random.manual_seed(0)
            return self.make()


def dense():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 20), nn.ReLU(), nn.Linear(20, 3))


def small_cnn():
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3, padding=1), nn.BatchNorm2d(6),
        nn.ReLU(), nn.Flatten(), nn.Linear(96, 3),
    )  # fmt: skip


class Block(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.first, self.second = nn.Conv2d(inputs, outputs, 3, padding=1), nn.Conv2d(outputs, outputs, 3, padding=1)
        self.norm = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x):
        return torch.relu(self.norm(self.second(torch.relu(self.first(x)))) + self.shortcut(x))


class Mean(nn.Module):
    def forward(self, x):
        return x.mean(dim=(2, 3))


def residual():
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), Block(4, 4), Block(4, 6), Mean(), nn.Linear(6, 3)
    )


def blobs(n=96, shape=(1, 8, 8), classes=3, seed=0):
    """A bright patch per class on noise, in [0, 1]."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    flat = rng.random((n, int(np.prod(shape)))) * 0.5
    step = flat.shape[1] // classes
    for row, label in enumerate(y):
        flat[row, label * step : label * step + step // 2] += 0.5
    return Examples(torch.arange(n), torch.tensor(flat, dtype=torch.float32).reshape(n, *shape), torch.tensor(y))


def job(shape=(1, 8, 8), seed=0, **more):
    modality = {1: Modality.TABULAR, 2: Modality.SERIES, 3: Modality.IMAGE}[len(shape)]
    facts = DatasetFacts(modality=modality, shape=shape, classes=3, bounds=Bounds(0.0, 1.0), digest="blobs")
    made = Job(
        train=blobs(shape=shape), tune=blobs(30, shape=shape, seed=1), facts=facts, rng=Seeds(seed),
        device=torch.device("cpu"),
    )  # fmt: skip
    return replace(made, **more)


def state_of(contender):
    return {name: array.clone() for name, array in contender.state().arrays.items()}
