"""Networks are those of the papers: their numbers of weights are known."""

import sys
from pathlib import Path

import pytest
import torch

from advbench_baselines.bnn import Bnn
from advbench_baselines.cnn1d import Cnn1d
from advbench_baselines.convnets import CarliniWagnerCnn, MadryCnn, NoiseCnn
from advbench_baselines.densenet import DenseNet
from advbench_baselines.layers import Dropout
from advbench_baselines.lenet import LeNet
from advbench_baselines.resnet import ResNet18, ResNet34, ResNet50

sys.path.insert(0, str(Path(__file__).resolve().parent))
from baselines_case import facts

MNIST, CIFAR, IMAGENET = (1, 28, 28), (3, 32, 32), (3, 224, 224)


@pytest.mark.parametrize(("model", "shape", "classes", "weights"), [
    (LeNet(), MNIST, 10, 61_706),
    (LeNet(), CIFAR, 10, 62_006),
    (ResNet18(), IMAGENET, 1000, 11_689_512),
    (ResNet34(), IMAGENET, 1000, 21_797_672),
    (ResNet50(), IMAGENET, 1000, 25_557_032),
    (ResNet18(), CIFAR, 10, 11_173_962),
    (CarliniWagnerCnn(), MNIST, 10, 312_202),
    (CarliniWagnerCnn(), CIFAR, 10, 1_147_978),
    (MadryCnn(), MNIST, 10, 3_274_634),
    (NoiseCnn(), MNIST, 10, 32 * 10 + 64 * (32 * 9 + 1) + 128 * (3136 + 1) + 128 * 129 + 1290),
    (DenseNet(), CIFAR, 10, 1_019_722),
    (Cnn1d(), (187, 1), 2, 64 * 17 + 128 * (64 * 16 + 1) + 256 * (128 * 16 + 1) + 128 * (256 * 6 + 1) + 258),
    (Bnn(), CIFAR, 2, 3072 * 20 + 20 + 40),
], ids=lambda value: type(value).__name__ if hasattr(value, "epochs") else str(value))  # fmt: skip
def test_it_has_the_published_number_of_weights(model, shape, classes, weights):
    network = model.network(facts(classes, shape), torch.Generator())
    assert sum(weight.numel() for weight in network.parameters()) == weights


@pytest.mark.parametrize("model", [
    LeNet(), CarliniWagnerCnn(), MadryCnn(dense=32), NoiseCnn(), ResNet18(width=4), ResNet50(width=2),
    DenseNet(depth=7, growth=4),
], ids=lambda model: type(model).__name__)  # fmt: skip
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 33, 20), (3, 96, 96)])
def test_pictures_of_other_sizes_are_answered(model, shape):
    network = model.network(facts(4, shape), torch.Generator().manual_seed(0)).eval()
    with torch.no_grad():
        assert network(torch.rand(2, *shape, generator=torch.Generator().manual_seed(1))).shape == (2, 4)


@pytest.mark.parametrize("model", [LeNet(), ResNet18(width=4), CarliniWagnerCnn(), Bnn()])
def test_only_the_place_between_the_bounds_counts(model):
    x = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    answers = []
    for low, high in ((0.0, 1.0), (-1.0, 3.0), (0.0, 255.0)):
        network = model.network(facts(3, bounds=(low, high)), torch.Generator().manual_seed(0)).eval()
        with torch.no_grad():
            answers.append(network(x * (high - low) + low))
    torch.testing.assert_close(answers[1], answers[0], rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(answers[2], answers[0], rtol=1e-3, atol=1e-3)


def test_the_stem_follows_the_size():
    def shrinks(side, **more):
        network = ResNet18(width=4, **more).network(facts(3, (3, side, side)), torch.Generator())
        return network[1].kernel_size[0] == 7

    assert [shrinks(32), shrinks(64), shrinks(65)] == [False, False, True]
    assert [shrinks(32, stem="imagenet"), shrinks(96, stem="cifar")] == [True, False]


def test_dropout_is_where_it_was_published():
    network = CarliniWagnerCnn(dropout=0.3).network(facts(10, MNIST), torch.Generator())
    assert [type(layer).__name__ for layer in network[-6:]] == ["Dense", "ReLU", "Dropout", "Dense", "ReLU", "Dense"]
    assert [layer.share for layer in network if isinstance(layer, Dropout)] == [0.3]
