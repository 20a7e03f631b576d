"""What only models owe: an untrained network for defenses that train it themselves."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from ..findings import DoesNotApply, require
from ..subject import Subject
from ..training import course, elsewhere, job_for, quiet


def check_build_gives_a_network(subject: Subject) -> None:
    """A torch network, inputs to scores (N, K), all of whose weights can be trained."""
    network, x, classes = _built(subject)
    require(isinstance(network, nn.Module), f"build() gave {type(network).__name__}.", "Return a torch.nn.Module.")
    out = network(x)
    require(
        tuple(out.shape) == (len(x), classes),
        f"The network's answer to {len(x)} rows and {classes} classes is {tuple(out.shape)}.", "Return (N, K) scores.",
    )  # fmt: skip
    weights = list(network.parameters())
    if out.requires_grad:
        torch.autograd.backward(nn.functional.cross_entropy(out, torch.arange(len(x)) % classes))
    still = sum(weight.grad is None for weight in weights)
    require(
        bool(weights) and not still,
        f"A loss reaches {len(weights) - still} of the network's {len(weights)} tensors of weights.",
        "Build it untrained, with requires_grad, and use every weight.",
    )


def check_build_is_drawn_from_the_job(subject: Subject) -> None:
    """Equal jobs build equal weights."""
    one, *_ = _built(subject)
    with elsewhere():
        other, *_ = _built(subject)
    states = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    moved = sum(not torch.equal(a, b) for a, b in states)
    require(
        not moved, f"Built twice with the same seed, {moved} of its tensors differ.", "Draw weights from job.rng.",
    )  # fmt: skip


def _built(subject: Subject) -> tuple[Any, torch.Tensor, int]:
    taught = subject.once(course)
    with quiet():
        network = subject.instance.build(job_for(subject, taught.lesson))
    if network is None:
        raise DoesNotApply("it has no torch network")
    return network, taught.x[:6], taught.lesson.classes
