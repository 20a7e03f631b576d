"""What ZOO and the arena around it add to the model's own time for exactly the rows that were asked."""

from collections.abc import Callable, Iterator

import torch

from advbench.arena.draws import ExampleStreams, SeedPath
from advbench.arena.networks import TorchContender
from advbench_zoo.attack import Zoo

from .arena import CPU, Recording, oracle_over, play, replay
from .arena_over_model import FACTS, SHAPE, cheap_network
from .harness import Figure, at_most, figure, in_turn, ratios, step
from .victims import digits_cnn

ROUNDS = 7


def figures() -> Iterator[Figure]:
    """A cheap network on images, and a small convolutional one at the attack's defaults."""
    cheap, x = cheap_network(), torch.rand(32, *SHAPE)
    attack = Zoo(h=1e-4, iterations=10, searches=1, coordinates=128)

    def perturb(contender: TorchContender | Recording) -> None:
        attack.perturb(oracle_over(contender, x, FACTS)[0], x, ExampleStreams(SeedPath(0), range(32), CPU))

    yield from _over_model("784-512-10, 32 images, B = 128", cheap, perturb)
    victim = digits_cnn()
    examples = victim.examples("eval", 100)
    yield from _over_model(
        f"{victim.name}, 100 images, defaults, 2000 queries",
        victim.contender,
        lambda contender: play(contender, Zoo(), examples, victim.facts, 2000),
    )


def _over_model(what: str, contender: TorchContender, run: Callable[[object], object]) -> Iterator[Figure]:
    recording = Recording(contender)
    run(recording)
    with step(f"zoo on {what}, {ROUNDS} rounds"):
        whole, model = in_turn(ROUNDS, lambda: run(contender), lambda: replay(contender, recording.parts))
    yield figure(f"{what}: zoo / model (x)", ratios(whole, model), at_most(1.3))
