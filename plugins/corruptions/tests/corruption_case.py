"""An oracle for attacks that ask nothing, and pictures to spoil."""

import torch
from torch import nn

from advbench import Access, Bounds, ClassGoal, LocalOracle, Norm, Threat
from advbench.testing import streams

UNIT = Bounds(0.0, 1.0)


def spoil(component, x, *, eps=None, norm=Norm.L2, bounds=UNIT, seed=0):
    """What the component makes of x."""
    y = torch.zeros(len(x), dtype=torch.int64)
    threat = Threat(access=Access.NONE, norm=norm, eps=eps)
    oracle = LocalOracle(nn.Identity(), ClassGoal(y), threat, shape=tuple(x.shape[1:]), classes=2, bounds=bounds)
    return component.perturb(oracle, x, streams(len(x), seed))


def pictures(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))
