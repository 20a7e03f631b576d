"""Two small networks on real data that is always at hand, and the examples that attacks are run on."""

import functools
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from advbench import DatasetFacts, Examples, Split
from advbench.arena.networks import TorchContender
from advbench.builtin.datasets import BreastCancer, Digits


@dataclass(frozen=True)
class Victim:
    """A trained network with examples that it classifies rightly."""

    name: str
    contender: TorchContender
    facts: DatasetFacts
    dataset: Digits | BreastCancer

    def examples(self, split: Split, n: int) -> Examples:
        """The first n of the split that are classified rightly: the others are broken for every attack."""
        all_of = self.dataset.load(split)
        right = (self.contender.labels(all_of.x) == all_of.y).nonzero().flatten()[:n]
        return Examples(all_of.ids[right], all_of.x[right], all_of.y[right])


@functools.cache
def digits_cnn() -> Victim:
    """Two convolutions and two dense layers on 8x8 digits; 97 % right on the eval split."""
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(512, 64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip
    return _trained("digits-cnn", network, Digits(), epochs=20)


@functools.cache
def breast_cancer_mlp() -> Victim:
    """Two hidden layers on thirty min-max scaled features; 96 % right on the eval split."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(30, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
    return _trained("breast-cancer-mlp", network, BreastCancer(), epochs=60)


def _trained(name: str, network: nn.Module, dataset: Digits | BreastCancer, epochs: int) -> Victim:
    train = dataset.load("train")
    x, y = train.x, train.y
    assert isinstance(x, Tensor)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.003)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    for _ in range(epochs):
        for index in torch.randperm(len(y)).split(64):
            optimiser.zero_grad()
            F.cross_entropy(network(x[index]), y[index]).backward()
            optimiser.step()
        schedule.step()
    return Victim(name, TorchContender(network), dataset.facts(), dataset)
