"""Short ways to a job on the bundled digits."""

import random
from dataclasses import replace

import numpy as np
import torch

from advbench import Bounds, DatasetFacts, Examples, Job, Modality


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


def blobs(n=120, classes=3, shape=(1, 8, 8), seed=0, labels=None):
    """Noisy bright patches, one place per class, in [0, 1]."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes if labels is None else np.asarray(labels)[np.arange(n) % len(labels)]
    flat = rng.random((n, int(np.prod(shape)))) * 0.7
    step = flat.shape[1] // classes
    for row, label in enumerate(y):
        flat[row, label * step : label * step + max(1, step // 2)] += 0.3
    return Examples(torch.arange(n), torch.tensor(flat, dtype=torch.float32).reshape(n, *shape), torch.tensor(y))


def facts(classes=3, shape=(1, 8, 8), bounds=(0.0, 1.0), modality=None):
    kinds = {1: Modality.TABULAR, 2: Modality.SERIES, 3: Modality.IMAGE}
    return DatasetFacts(
        modality=modality or kinds[len(shape)], shape=shape, classes=classes, bounds=Bounds(*bounds), digest="blobs"
    )


def job(classes=3, shape=(1, 8, 8), seed=0, bounds=(0.0, 1.0), **more):
    examples = more.pop("train", None) or blobs(classes=classes, shape=shape)
    tune = more.pop("tune", None) or blobs(30, classes=classes, shape=shape, seed=1)
    made = Job(
        train=examples, tune=tune, facts=facts(classes, shape, bounds), rng=Seeds(seed), device=torch.device("cpu")
    )
    return replace(made, **more)
