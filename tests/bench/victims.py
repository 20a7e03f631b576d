"""Small networks on real data, most of it always at hand, and the examples that attacks are run on."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

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


@dataclass(frozen=True)
class StretchedDigits(Digits):
    """The same digits as pictures of 28x28, the size of MNIST."""

    def facts(self) -> DatasetFacts:
        return replace(super().facts(), shape=(1, 28, 28))

    def load(self, split: Split, positions: Sequence[int] | None = None) -> Examples:
        small = super().load(split, positions)
        assert isinstance(small.x, Tensor)
        return Examples(small.ids, F.interpolate(small.x, (28, 28), mode="bilinear").clamp(0, 1), small.y)


@functools.cache
def stretched_digits_cnn() -> Victim:
    """Four convolutions and two dense layers on digits of 28x28."""
    torch.manual_seed(0)
    return _trained("digits28-cnn", _four_convolutions(), StretchedDigits(), epochs=8)


@functools.cache
def clothes_cnn() -> Victim:
    """The same network on Fashion-MNIST, from 12,000 pictures; DataAbsent where nobody has fetched them."""
    from advbench_data.mnist import FashionMnist

    @dataclass(frozen=True)
    class SomeClothes(FashionMnist):
        def load(self, split: Split, positions: Sequence[int] | None = None) -> Examples:
            return super().load(split, range(12_000 if split == "train" else 400) if positions is None else positions)

    torch.manual_seed(0)
    return _trained("clothes-cnn", _four_convolutions(), SomeClothes(), epochs=2)


def _four_convolutions() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Conv2d(16, 16, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3), nn.ReLU(), nn.Conv2d(32, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(512, 64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip


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
