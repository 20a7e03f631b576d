"""Estimates against exact derivatives, and what they cost at the edge of the box."""

import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from advbench import Bounds

sys.path.insert(0, str(Path(__file__).resolve().parent))
from zoo_case import UNIT, here_at, labels_of, linear, oracle_for, smooth

from advbench_zoo.differences import LARGEST, Asking, margin, moves
from advbench_zoo.space import Box, Inputs


def estimates(oracle, space, here, index, h, mirror=False, dtype=torch.float64):
    asking = Asking(oracle, space, (space.size,), dtype)
    steps = moves(space, here, index, torch.full((len(index),), h, dtype=torch.float64), mirror)
    base, (pair,) = asking.probe(here, index, (steps,), torch.arange(len(index)))
    return base, pair


@pytest.mark.parametrize("tanh", [False, True])
@pytest.mark.parametrize("targeted", [False, True])
def test_differences_are_the_derivative(tanh, targeted):
    network, x = smooth(), torch.rand(5, 12, dtype=torch.float64) * 0.8 + 0.1
    y = labels_of(network, x)
    oracle = oracle_for(network, x, y, target=(y + 1) % 3 if targeted else None, classes=3)
    space = Inputs(Box(UNIT, tanh), (12,))
    here = here_at(space.box, x, torch.full_like(x, 0.05))
    c = torch.rand(5, dtype=torch.float64)
    free = (here.origin + here.m).requires_grad_(True)
    value = space.box.value(free)
    f = margin(network(value), oracle.goal, torch.arange(5))
    loss = (value - x).square().sum(dim=1) + c * f.clamp(min=-10.0)
    (exact,) = torch.autograd.grad(loss.sum(), free)
    index = torch.arange(12).expand(5, 12)
    errors, parabolas = [], []
    for h in (1e-3, 1e-4):
        base, pair = estimates(oracle, space, here, index, h)
        errors.append(float((pair.secant(base, c, 10.0) - exact).norm() / exact.norm()))
        parabolas.append(float((pair.parabola(base, c, 10.0)[0] - exact).norm() / exact.norm()))
    assert errors[1] < 1e-6
    assert errors[0] / errors[1] == pytest.approx(100, rel=0.2), "the error must shrink with the square of h"
    assert parabolas == pytest.approx(errors, rel=1e-2), "with equal steps both ways they are the same"


@pytest.mark.parametrize("tanh", [False, True])
def test_second_differences_are_the_diagonal_of_the_hessian(tanh):
    network, x = smooth(), torch.rand(3, 12, dtype=torch.float64) * 0.8 + 0.1
    oracle = oracle_for(network, x, classes=3)
    space = Inputs(Box(UNIT, tanh), (12,))
    here = here_at(space.box, x, torch.full_like(x, 0.05))
    c = torch.tensor([0.5, 1.0, 20.0], dtype=torch.float64)
    index = torch.arange(12).expand(3, 12)
    base, pair = estimates(oracle, space, here, index, 1e-4)
    _, curvature = pair.parabola(base, c, 10.0)
    for row in range(3):

        def loss(u, row=row):
            value = space.box.value(u)
            f = margin(network(value[None]), oracle.goal, torch.tensor([row]))
            return (value - x[row]).square().sum() + c[row] * f.sum()

        exact = torch.autograd.functional.hessian(loss, (here.origin + here.m)[row]).diagonal()
        torch.testing.assert_close(curvature[row], exact, rtol=1e-3, atol=1e-3)


def test_float32_answers_make_second_differences_of_small_steps_noise():
    network, x = smooth().float(), torch.rand(1, 12) * 0.8 + 0.1
    oracle = oracle_for(network, x, classes=3, dtype=torch.float32)
    space, one = Inputs(Box(UNIT), (12,)), torch.ones(1, dtype=torch.float64)
    here, index = here_at(space.box, x.double(), torch.zeros(1, 12, dtype=torch.float64)), torch.arange(12)[None]
    exact = oracle_for(network.double(), x.double(), classes=3)
    base, pair = estimates(exact, space, here, index, 1e-4)
    truth = pair.parabola(base, one, 10.0)[1]
    errors = []
    for h in (1e-4, 1e-2):
        base, pair = estimates(oracle, space, here, index, h, dtype=torch.float32)
        errors.append(float((pair.parabola(base, one, 10.0)[1] - truth).abs().max()))
    assert errors[0] > 1.0 > 0.05 > errors[1], errors


def test_probes_beyond_the_box_are_clipped_and_divide_by_the_real_spacing():
    network, w = linear(4)
    x = torch.tensor([[0.0, 1.0, 0.5, 0.02]], dtype=torch.float64)
    oracle = oracle_for(network, x)
    space = Inputs(Box(UNIT), (4,))
    here = here_at(space.box, x, torch.zeros_like(x))
    base, pair = estimates(oracle, space, here, torch.arange(4)[None], 0.1)
    assert (pair.ahead - pair.behind)[0].tolist() == pytest.approx([0.1, 0.1, 0.2, 0.12])
    sign = -1.0 if int(oracle.goal.y[0]) == 0 else 1.0
    one = torch.tensor([1.0]).double()
    slope = pair.secant(base, one, 50.0)[0]
    # the squared distance is symmetric only in the middle of the box
    own = torch.tensor([0.01 / 0.1, -0.01 / 0.1, 0.0, (0.01 - 0.0004) / 0.12], dtype=torch.float64)
    torch.testing.assert_close(slope - own, sign * w)
    # mirrored, both steps of a variable at the edge go to the same side, and slope and curvature are exact
    base, pair = estimates(oracle, space, here, torch.arange(4)[None], 0.1, mirror=True)
    assert pair.ahead[0].tolist() == pytest.approx([0.1, -0.2, 0.1, 0.1])
    assert pair.behind[0].tolist() == pytest.approx([0.2, -0.1, -0.1, 0.2])
    slope, curvature = pair.parabola(base, one, 50.0)
    torch.testing.assert_close(slope[0], sign * w)
    torch.testing.assert_close(curvature[0], torch.full((4,), 2.0).double())


def test_a_step_wider_than_the_box_leaves_a_slope_but_no_curvature():
    network, _ = linear(2)
    x = torch.tensor([[0.0, 0.0]], dtype=torch.float64)
    space = Inputs(Box(UNIT), (2,))
    here = here_at(space.box, x, torch.zeros_like(x))
    base, pair = estimates(oracle_for(network, x), space, here, torch.arange(2)[None], 1.5, mirror=True)
    slope, curvature = pair.parabola(base, torch.ones(1).double(), 50.0)
    assert slope.isfinite().all()
    assert curvature.tolist() == [[0.0, 0.0]]


def test_a_class_of_probability_zero_gives_a_finite_margin():
    class Sure(nn.Module):
        def forward(self, x):
            return torch.stack([x[:, 0], torch.full_like(x[:, 0], -torch.inf)], dim=1)

    x = torch.rand(2, 3, dtype=torch.float64)
    oracle = oracle_for(Sure(), x)
    rows = torch.arange(2)
    assert margin(oracle.scores(x, rows), oracle.goal, rows).tolist() == [LARGEST] * 2


@given(st.floats(-3, 3), st.floats(0.1, 5), st.floats(0, 1))
def test_the_tanh_variable_comes_back(low, width, share):
    box = Box(Bounds(low, low + width), tanh=True)
    x = torch.tensor([[low + share * width]], dtype=torch.float64)
    assert abs(float(box.value(box.variable(x)) - x)) <= 5.1e-7 * width


@pytest.mark.parametrize("box", [Box(UNIT), Box(Bounds(-1, 3), tanh=True), Box(None), Box(Bounds(-1, 3))])
def test_derivatives_of_the_box_are_those_of_autograd(box):
    u = torch.linspace(-2.2, 2.2, 12, dtype=torch.float64).requires_grad_(True)
    (first,) = torch.autograd.grad(box.value(u).sum(), u, create_graph=True)
    second = torch.autograd.grad(first.sum(), u)[0] if first.requires_grad else torch.zeros_like(u)
    torch.testing.assert_close(box.derivatives(u.detach())[0], first.detach())
    torch.testing.assert_close(box.derivatives(u.detach())[1], second.detach())
