"""Balls, boxes and directions."""

import pytest
import torch
from known_victims import UNIT

from advbench import Bounds, Norm
from advbench.testing import streams
from advbench_gradient.norms import Ball, direction, dual_size, size, sparse_direction

NORMS = (Norm.L1, Norm.L2, Norm.LINF)


def points(n, d, seed=0, low=0.0, high=1.0):
    return low + (high - low) * torch.rand(n, d, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("bounds", [UNIT, Bounds(-1.0, 3.0), None])
def test_projected_and_drawn_points_are_allowed_and_allowed_ones_stay(norm, bounds):
    low, high = (bounds.low, bounds.high) if bounds else (-1.0, 1.0)
    x0 = points(50, 20, 1, low, high)
    eps = torch.linspace(0, 2, 50)[:, None]
    ball = Ball(norm, x0, eps, bounds)
    for found in (ball.project(points(50, 20, 2, low - 2, high + 2)), ball.draw(streams(50), torch.arange(50))):
        assert bool((size(found - x0, norm, 1.0) <= eps[:, 0] + 1e-5).all())
        if bounds:
            assert bounds.low <= float(found.min()) <= float(found.max()) <= bounds.high
        assert torch.allclose(ball.project(found), found, atol=1e-5)


@pytest.mark.parametrize("norm", [Norm.L1, Norm.LINF])
def test_the_projection_is_the_nearest_allowed_point(norm):
    """Nothing allowed is closer: not on the way to 2,000 other allowed points either."""
    x0, outside = points(1, 5, 1), points(1, 5, 2, -1, 2)
    ball = Ball(norm, x0, torch.tensor([[0.4]]), UNIT)
    found = ball.project(outside)
    many = Ball(norm, x0.expand(2000, 5), torch.full((2000, 1), 0.4), UNIT)
    rivals = many.draw(streams(2000), torch.arange(2000))
    rivals = torch.cat([rivals, found + 0.05 * (rivals - found)])
    assert float((found - outside).norm()) <= float((rivals - outside).norm(dim=1).min()) + 1e-6
    assert float((found - x0).norm()) > 0.1


def test_an_l2_projection_leaves_all_of_eps_to_features_that_can_move():
    x0 = torch.tensor([[0.0, 0.5]])
    found = Ball(Norm.L2, x0, torch.tensor([[0.3]]), UNIT).project(torch.tensor([[-5.0, 1.5]]))
    assert found[0].tolist() == pytest.approx([0.0, 0.8])


def test_draws_fill_the_ball():
    for norm in NORMS:
        x0 = torch.full((500, 3), 0.5)
        found = Ball(norm, x0, torch.full((500, 1), 0.3), UNIT).draw(streams(500), torch.arange(500)) - x0
        length = size(found, norm, 1.0)
        assert 0.2 < float(length.median()) < 0.3, "the median of a uniform draw lies at .79 of the radius"
        assert float(found.mean(dim=0).abs().max()) < 0.03


def test_the_legacy_box_misses_a_sign():
    x0 = torch.tensor([[0.0, 0.1, 0.5, 0.9, 1.0]])
    ball = Ball(Norm.LINF, x0, torch.tensor([[0.3]]), UNIT, legacy=True)
    assert (ball.project(x0 - 1) - x0)[0].tolist() == pytest.approx([0.0, 0.1, 0.3, 0.1, 0.0], abs=1e-6)
    assert (ball.project(x0 + 1) - x0)[0].tolist() == pytest.approx([0.3, 0.3, 0.3, 0.1, 0.0], abs=1e-6)
    right = Ball(Norm.LINF, x0, torch.tensor([[0.3]]), UNIT)
    assert (right.project(x0 - 1) - x0)[0].tolist() == pytest.approx([0.0, -0.1, -0.3, -0.3, -0.3], abs=1e-6)


@pytest.mark.parametrize("norm", NORMS)
def test_directions_have_length_one_whatever_the_scale(norm):
    grad = points(4, 7, 3, -1, 1)
    for scale in (1.0, 1e-25, 1e25):
        found = direction(grad * scale, norm)
        assert size(found, norm, 1.0).tolist() == pytest.approx([1.0] * 4, rel=1e-5)
    gained = (direction(grad, norm) * grad).sum(dim=1)
    if norm is not Norm.L1:  # the paper's L1 step is not the steepest
        assert torch.allclose(gained, dual_size(grad, norm), rtol=1e-5)
    assert not direction(torch.zeros(1, 7), norm).any()


def test_a_sparse_step_skips_features_that_cannot_move():
    grad = torch.tensor([[9.0, -5.0, 1.0, 0.5]])
    at = torch.tensor([[1.0, 0.5, 0.5, 0.5]])  # the first stands where it would have to go
    assert sparse_direction(grad, at, UNIT, 0.5).tolist() == [[0.0, -0.5, 0.5, 0.0]]
    assert sparse_direction(grad, at, None, 0.25).tolist() == [[1.0, 0.0, 0.0, 0.0]]


def test_changes_below_a_millionth_of_the_range_do_not_count_in_l0():
    assert size(torch.tensor([[0.0, 1e-7, 0.1, -1.0]]), Norm.L0, 1.0).tolist() == [2.0]
