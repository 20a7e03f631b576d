"""What learnt noise adds to an epoch of the same network, trained by the same loop without it.

Processor time, which is all there is to it: one thread draws and computes.
"""

import time
from collections.abc import Iterator

import torch

from advbench import Bounds, DatasetFacts, Examples, Job, Modality, Model
from advbench.arena.draws import SeedPath
from advbench.builtin.models import Mlp
from advbench_baselines.convnets import NoiseCnn
from advbench_baselines.resnet import ResNet18
from advbench_noise.defense import Noise

from .harness import Figure, at_most, figure, in_turn, ratios, step

ROUNDS = 41
CPU = torch.device("cpu")


def figures() -> Iterator[Figure]:
    """The paper's networks on data of MNIST's and CIFAR-10's shape, an epoch each in turn."""
    torch.set_num_threads(1)  # as where networks are trained
    mnist, cifar = (1, 28, 28), (3, 32, 32)
    yield from _over_plain("mlp 784-100-50-10", Mlp(hidden=(100, 50)), mnist, 3_200, ("fc",), ROUNDS)
    yield from _over_plain("noise-cnn", NoiseCnn(), mnist, 128, ("fc", "all"), ROUNDS)
    yield from _over_plain("resnet18, head 256/128", ResNet18(head=(256, 128)), cifar, 128, ("fc", "all"), 5)


def _over_plain(
    name: str, model: Model, shape: tuple[int, ...], n: int, wheres: tuple[str, ...], rounds: int
) -> Iterator[Figure]:
    defenses = [Noise(where=where, preset="mnist") for where in ("none", *wheres)]
    trainings = [defense.training(model, _job(shape, n)) for defense in defenses]
    with step(f"noise: {name}, {rounds} rounds"):
        plain, *noisy = in_turn(rounds, *(lambda t=t: t.epoch(0) for t in trainings), clock=time.process_time)
    for where, times in zip(wheres, noisy, strict=True):
        yield figure(
            f"{name}, {n} examples: epoch with noise={where} / without, processor time (x)",
            ratios(times, plain),
            at_most(1.15),
        )


def _job(shape: tuple[int, ...], n: int) -> Job:
    generator = torch.Generator().manual_seed(0)
    x, y = torch.rand(n, *shape, generator=generator), torch.randint(0, 10, (n,), generator=generator)
    examples = Examples(torch.arange(n), x, y)
    facts = DatasetFacts(modality=Modality.IMAGE, shape=shape, classes=10, bounds=Bounds(0.0, 1.0), digest="random")
    return Job(train=examples, tune=Examples(torch.arange(0), x[:0], y[:0]), facts=facts, rng=SeedPath(0), device=CPU)
