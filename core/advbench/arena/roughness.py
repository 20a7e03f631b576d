"""How bumpy a change of a series is: what a look at a curve notices first."""

from __future__ import annotations

import torch
from torch import Tensor


def roughness(x: Tensor, x_adv: Tensor) -> Tensor:
    """Root mean square of the second differences, in time, of the change; float64 (N,), input units.

    x, x_adv: (N, T, C). Zero for a change that is a straight line in time, NaN below three steps. The
    SCD paper compares adversarial ECGs by eye for such bumps (Figure 3); this puts a number to it.
    """
    change = x_adv.double() - x.double()
    if change.shape[1] < 3:
        return torch.full((len(x),), torch.nan, dtype=torch.float64, device=x.device)
    bumps = change[:, 2:] - 2 * change[:, 1:-1] + change[:, :-2]
    return bumps.square().flatten(1).mean(dim=1).sqrt()
