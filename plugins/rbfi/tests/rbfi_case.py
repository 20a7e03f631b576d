"""The plain formulas, holding the whole (batch, units, inputs) array, and small problems to learn."""

import torch

from advbench import Bounds, DatasetFacts, Examples, Job, Modality

CPU = torch.device("cpu")


class Seeds:
    """Names to seeds, as the arena hands them out."""

    def __init__(self, *names):
        self.names = names

    def child(self, *names):
        return Seeds(*self.names, *names)

    def generator(self):
        return torch.Generator().manual_seed(int.from_bytes(repr(self.names).encode()[-7:], "big"))


def layer_numbers(batch=23, units=37, inputs=300, seed=0):
    """x, u, w and an upstream gradient, float32."""
    draw = torch.Generator().manual_seed(seed)
    x, w = torch.rand(batch, inputs, generator=draw), torch.rand(units, inputs, generator=draw)
    return x, 3 * torch.rand(units, inputs, generator=draw), w, torch.randn(batch, units, generator=draw)


def naive_reach(x, u, w, norm):
    z = (u * (x[:, None] - w)) ** 2
    return z.amax(dim=2) if norm == "linf" else z.sum(dim=2)


def naive_back(x, u, w, grad, norm, k):
    """(gx, gu, gw) by the stated formula: z_i receives grad times its share."""
    away = x[:, None] - w
    z = (u * away) ** 2
    y = z.amax(dim=2, keepdim=True)
    if norm == "l2":
        share = torch.ones_like(z)
    elif k is None:
        share = torch.zeros_like(z).scatter_(2, z.argmax(dim=2, keepdim=True), 1.0)
    else:
        share = (k * (z - y)).exp()
    flow = grad[:, :, None] * share
    return (
        (flow * 2 * u**2 * away).sum(dim=1),
        (flow * 2 * u * away**2).sum(dim=0),
        -(flow * 2 * u**2 * away).sum(dim=0),
    )


def blobs(n=300, classes=3):
    """Overlapping clouds of 2 informative and 6 idle numbers in [0, 1]."""
    draw = torch.Generator().manual_seed(0)
    y = torch.arange(n) % classes
    angle = y * 6.2832 / classes
    centres = 0.5 + 0.3 * torch.stack([angle.cos(), angle.sin()], dim=1)
    informative = centres + 0.08 * torch.randn(n, 2, generator=draw)
    x = torch.cat([informative, 0.5 + 0.05 * torch.randn(n, 6, generator=draw)], dim=1).clamp(0, 1)
    return Examples(torch.arange(n), x, y)


def job_for(examples=None, classes=3, **more):
    examples = blobs(classes=classes) if examples is None else examples
    facts = DatasetFacts(
        modality=Modality.TABULAR, shape=(examples.x.shape[1],), classes=classes, bounds=Bounds(0, 1), digest=""
    )
    return Job(train=examples, tune=examples, facts=facts, rng=Seeds(), device=CPU, **more)
