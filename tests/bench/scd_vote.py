"""How long one vote of sign networks takes to train."""

from collections.abc import Iterator

import numpy as np

from advbench_scd.training import Settings, train_votes

from .harness import Figure, figure, seconds, step


def figures() -> Iterator[Figure]:
    """One vote of 20 nodes and 1000 iterations on data of CIFAR-10's shape, on one core."""
    rng = np.random.default_rng(0)
    y = np.arange(10_000) % 2
    pattern = rng.normal(size=3072).astype(np.float32) * 0.02
    x = np.clip(rng.random((10_000, 3072), dtype=np.float32) + pattern * (2 * y[:, None] - 1), 0, 1)
    y = y ^ (rng.random(10_000) < 0.1)  # some labels wrong, or a perfect network would end the walk early

    def vote(seed: int) -> float:
        with step(f"scd: vote {seed + 1} of 3"):
            return seconds(lambda: train_votes(x, y, Settings(), [seed], 1, lambda done, total: None))

    with step("scd: compiling"):
        train_votes(x[:100], y[:100], Settings(iterations=10), [0], 1, lambda done, total: None)
    yield figure("one vote, 10000 x 3072, one core (s)", [vote(seed) for seed in range(3)])
