"""Newton's steps: exact on parabolas, with the paper's rule and the released code's."""

import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parent))
from zoo_case import Streams, labels_of, linear, oracle_for, smooth

from advbench_zoo.attack import Zoo
from advbench_zoo.newton import newton


class Bowl(nn.Module):
    """Margin of class 0: sum of a_i (x_i - t_i)^2 + 1, never below 1, so that nothing stops early."""

    def __init__(self):
        super().__init__()
        self.a = nn.Parameter(torch.tensor([1.0, 3.0, 0.5, 0.2]))
        self.t = nn.Parameter(torch.tensor([0.3, 0.8, 0.6, 0.5]))

    def forward(self, x):
        height = (self.a * (x - self.t).square()).sum(dim=1) + 1
        return torch.stack([height, torch.zeros_like(height)], dim=1)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_one_step_reaches_the_lowest_point_of_a_parabola(dtype):
    """Also from the edges of the box, where both probes lie on one side."""
    x = torch.tensor([[0.5, 0.5, 0.5, 0.5], [0.0, 1.0, 1.0, 0.0]], dtype=dtype)
    double = dtype == torch.float64
    oracle = oracle_for(Bowl().to(dtype), x, torch.zeros(2, dtype=torch.int64), dtype=dtype, double=double, keep=True)
    attack = Zoo(solver="newton", h=1e-3, learning_rate=1.0, c=2.0, coordinates=4, iterations=2, searches=1)
    attack.perturb(oracle, x, Streams(2))
    count = 9 if dtype == torch.float64 else 17  # float32 answers need a second, larger step for curvature
    a, t = torch.tensor([1.0, 3.0, 0.5, 0.2], dtype=dtype), torch.tensor([0.3, 0.8, 0.6, 0.5], dtype=dtype)
    lowest = (x + 2 * a * t) / (1 + 2 * a)  # of (x' - x)^2 + 2 a (x' - t)^2
    for row in range(2):
        asked = oracle.of(row)
        assert len(asked) == 2 * count
        assert torch.equal(asked[0], x[row])
        near = 1e-7 if dtype == torch.float64 else 2e-3
        torch.testing.assert_close(asked[count], lowest[row], rtol=0, atol=near)


def test_the_papers_rule_and_the_released_one():
    slope = torch.tensor([[2.0, 2.0, 2.0, 2.0, 2.0]])
    curvature = torch.tensor([[-3.0, 0.0, 0.05, 0.1, 4.0]])
    rate = torch.tensor([[0.5]])
    assert newton(slope, curvature, rate, 0.0)[0].tolist() == pytest.approx([-1, -1, -20, -10, -0.25])
    assert newton(slope, curvature, rate, 0.1)[0].tolist() == pytest.approx([-1, -10, -10, -10, -0.25])


@given(st.floats(-5, 5), st.floats(-5, 5), st.sampled_from([0.0, 0.1, 1.0]))
def test_a_step_never_climbs_and_is_finite(slope, curvature, floor):
    made = newton(torch.tensor([[slope]]).double(), torch.tensor([[curvature]]).double(), torch.ones(1, 1), floor)
    assert float(made) * slope <= 0
    assert made.isfinite().all()


@pytest.mark.parametrize("solver", ["newton", "adam-newton"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_linear_victim_falls_near_its_exact_distance(solver, dtype):
    network, w = linear(16, seed=1)
    generator = torch.Generator().manual_seed(3)
    x = 0.3 + 0.4 * torch.rand(4, 16, generator=generator, dtype=torch.float64)
    f = x @ w - 0.5 * w.sum()
    x = (x + ((0.15 - f.abs()) * f.sign())[:, None] * w).to(dtype)
    attack = Zoo(solver=solver, h=1e-3, iterations=200, learning_rate=0.2)
    network, double = network.to(dtype), dtype == torch.float64
    answer = attack.perturb(oracle_for(network, x, dtype=dtype, double=double), x, Streams(4))
    assert (labels_of(network, answer.x) != labels_of(network, x)).all()
    distance = (answer.x - x).norm(dim=1)
    assert float(distance.max()) < 0.15 * 1.05


def test_float64_is_asked_for_where_it_is_offered():
    network, x = smooth().float(), torch.rand(2, 12)
    oracle = oracle_for(network, x, classes=3, dtype=torch.float32, keep=True)
    assert oracle.float64
    Zoo(solver="newton", iterations=3, searches=1, coordinates=4, abort_every=99).perturb(oracle, x, Streams(2))
    assert {points.dtype for points in oracle.points} == {torch.float64}
    assert oracle.asked.tolist() == [2 + 2 * 12 + 1 + 3 * (2 * 4 + 1)] * 2, "one step serves slope and curvature"


def test_a_second_step_is_charged():
    network, x = smooth(), torch.rand(2, 12, dtype=torch.float64)
    for solver, cost in (("newton", 17), ("adam-newton", 17)):
        oracle = oracle_for(network, x, classes=3)
        attack = Zoo(solver=solver, h=1e-4, hessian_h=1e-2, iterations=5, searches=1, coordinates=4, abort_every=99)
        attack.perturb(oracle, x, Streams(2))
        assert oracle.asked.tolist() == [cost * 5] * 2


def test_the_mixture_is_adam_where_the_objective_bends_down():
    class Hill(nn.Module):
        def forward(self, x):
            height = 5 - 4 * (x - 0.4).square().sum(dim=1)
            return torch.stack([height, torch.zeros_like(height)], dim=1)

    x = torch.full((1, 6), 0.5, dtype=torch.float64)
    second = {}
    for solver in ("adam", "adam-newton", "newton"):
        oracle = oracle_for(Hill(), x, keep=True)
        attack = Zoo(solver=solver, h=1e-3, c=5.0, coordinates=6, iterations=2, searches=1, learning_rate=0.01)
        attack.perturb(oracle, x, Streams(1))
        second[solver] = oracle.of(0)[13]
    torch.testing.assert_close(second["adam-newton"], second["adam"], rtol=0, atol=1e-12)
    torch.testing.assert_close(second["newton"], x[0] + 0.01 * 5 * 4 * 0.2, rtol=0, atol=1e-9)  # a plain gradient step
