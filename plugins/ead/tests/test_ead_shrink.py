"""The shrinking and thresholding function of the thesis, equation 18."""

import pytest
import torch

from advbench import Bounds
from advbench_ead.walks import shrink

UNIT = Bounds(0.0, 1.0)


def points(seed, low=-0.5, high=1.5):
    return low + (high - low) * torch.rand(40, 7, generator=torch.Generator().manual_seed(seed))


def test_what_moved_less_than_the_threshold_goes_back_exactly():
    x0 = points(1, 0, 1)
    near = x0 + (points(2) - 0.5) * 0.09
    assert torch.equal(shrink(near, x0, 0.1, UNIT), x0)
    assert torch.equal(shrink(x0, x0, 0.0, UNIT), x0)


def test_the_rest_moves_by_the_threshold_and_into_the_box():
    x0 = torch.tensor([[0.5, 0.5, 0.5, 0.9, 0.1]])
    found = shrink(torch.tensor([[0.8, 0.2, 0.55, 1.4, -0.6]]), x0, 0.1, UNIT)
    assert found[0].tolist() == pytest.approx([0.7, 0.3, 0.5, 1.0, 0.0])
    assert shrink(torch.tensor([[5.0]]), torch.tensor([[0.5]]), 0.1, None).item() == pytest.approx(4.9)


def test_without_a_threshold_it_clips():
    z, x0 = points(2), points(1, 0, 1)
    assert torch.allclose(shrink(z, x0, 0.0, UNIT), z.clamp(0, 1), atol=1e-7)


def test_it_brings_no_two_points_farther_apart():
    x0, a, b = points(1, 0, 1), points(2), points(3)
    gap = (shrink(a, x0, 0.1, UNIT) - shrink(b, x0, 0.1, UNIT)).norm(dim=1)
    assert bool((gap <= (a - b).norm(dim=1) + 1e-6).all())


def test_it_is_the_proximal_step_of_the_l1_distance():
    """Nothing on a fine grid has a smaller 1/2 (u - z)^2 + beta |u - x0|."""
    grid = torch.linspace(0, 1, 10001, dtype=torch.float64)[:, None]
    z, x0, beta = points(2).double().flatten(), points(1, 0, 1).double().flatten(), 0.2
    cost = (grid - z).square() / 2 + beta * (grid - x0).abs()
    assert float((grid[cost.argmin(dim=0), 0] - shrink(z[None], x0[None], beta, UNIT)[0]).abs().max()) < 1e-4
