"""Small data and a job, as the arena hands them out."""

import math

import torch

from advbench import Bounds, DatasetFacts, Examples, Job, Modality


class Seeds:
    """Names to seeds, as the arena hands them out."""

    def __init__(self, *names):
        self.names = names

    def child(self, *names):
        return Seeds(*self.names, *names)

    def seed(self):
        return int.from_bytes(repr(self.names).encode()[-7:], "big")


def blobs(classes, n=240):
    """Overlapping clouds in the unit square, `classes` of them."""
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(n) % classes
    angle = y * 2 * math.pi / classes
    centres = 0.5 + 0.3 * torch.stack([angle.cos(), angle.sin()], dim=1)
    x = (centres + 0.1 * torch.randn(n, 2, generator=generator)).clamp(0, 1)
    return Examples(torch.arange(n), x, y)


def job_for(examples, classes, progress=lambda done, total: None):
    facts = DatasetFacts(modality=Modality.TABULAR, shape=(2,), classes=classes, bounds=Bounds(0, 1), digest="")
    return Job(
        train=examples, tune=examples, facts=facts, rng=Seeds(), device=torch.device("cpu"), threads=2,
        progress=progress,
    )  # fmt: skip
