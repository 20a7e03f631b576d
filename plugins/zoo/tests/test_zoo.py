"""ZOO against known answers: derivatives, linear optima, query counts, bounds."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from advbench import Access, Bounds, BudgetSpent, ClassGoal, LocalOracle, Norm, Threat
from advbench_zoo.adam import CoordinateAdam
from advbench_zoo.attack import Zoo
from advbench_zoo.differences import margin, probe
from advbench_zoo.search import TradeOff
from advbench_zoo.space import Space
from advbench_zoo.step_size import LADDER, SAMPLE, choose_h

UNIT = Bounds(0.0, 1.0)


class Streams:
    """One generator per row, as the arena hands them out."""

    def __init__(self, n: int) -> None:
        self.generators = [torch.Generator().manual_seed(row) for row in range(n)]

    def uniform(self, rows, shape):
        return torch.stack([torch.rand(shape, generator=self.generators[row]) for row in rows.tolist()])


class Watched(LocalOracle):
    """Counts, and keeps what was asked."""

    def __init__(self, *args, budget=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.asked = torch.zeros(len(self.goal.y), dtype=torch.int64)
        self.budget, self.lowest, self.highest = budget, math.inf, -math.inf

    def left(self):
        return super().left() if self.budget is None else (self.budget - self.asked).clamp(min=0)

    def scores(self, points, rows=None):
        self.asked += torch.bincount(rows, minlength=len(self.asked))
        if self.budget is not None and bool((self.asked > self.budget).any()):
            raise BudgetSpent
        self.lowest, self.highest = min(self.lowest, float(points.min())), max(self.highest, float(points.max()))
        return super().scores(points, rows)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def smooth(features=12, classes=3, seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(features, 16), nn.Tanh(), nn.Linear(16, classes)).double()


def linear(features, seed=0):
    """Two classes, f = w.x + b, class 1 where positive; w has unit length."""
    generator = torch.Generator().manual_seed(seed)
    w = torch.randn(features, generator=generator, dtype=torch.float64)
    w /= w.norm()
    network = nn.Sequential(nn.Flatten(), nn.Linear(features, 2)).double()
    with torch.no_grad():
        network[1].weight.copy_(torch.stack([-w / 2, w / 2]))
        network[1].bias.copy_(torch.tensor([0.25, -0.25]) * w.sum())
    return network, w


def oracle_for(network, x, y, *, bounds=UNIT, target=None, classes=2, dtype=torch.float64, budget=None):
    threat = Threat(access=Access.SCORES, norm=Norm.L2, targeted=target is not None)
    return Watched(
        network, ClassGoal(y, target), threat, shape=tuple(x.shape[1:]), classes=classes, bounds=bounds, dtype=dtype,
        budget=budget,
    )  # fmt: skip


def labels_of(network, x):
    return network(x).argmax(dim=1).detach()


@pytest.mark.parametrize("tanh", [False, True])
@pytest.mark.parametrize("targeted", [False, True])
def test_differences_are_the_derivative(tanh, targeted):
    network, x = smooth(), torch.rand(5, 12, dtype=torch.float64) * 0.8 + 0.1
    y = labels_of(network, x)
    oracle = oracle_for(network, x, y, target=(y + 1) % 3 if targeted else None, classes=3)
    space, rows = Space(UNIT, tanh, (12,), torch.float64), torch.arange(5)
    u = space.variable(x) + 0.05
    c = torch.rand(5, dtype=torch.float64)
    free = u.clone().requires_grad_(True)
    value = space.value(free)
    f = margin(network(value), oracle.goal, rows)
    loss = (value - x).square().sum(dim=1) + c * f.clamp(min=-10.0)
    (exact,) = torch.autograd.grad(loss.sum(), free)
    index = torch.arange(12).expand(5, 12)
    errors = []
    for h in (1e-3, 1e-4):
        probes = probe(oracle, space, x, u, index, torch.full((5,), h, dtype=torch.float64), rows)
        errors.append(float(((probes.slope(c, 10.0) - exact).norm() / exact.norm()).detach()))
    assert errors[1] < 1e-6
    assert errors[0] / errors[1] == pytest.approx(100, rel=0.2), "the error must shrink with the square of h"


def test_probes_beyond_the_box_are_clipped_and_divide_by_the_real_spacing():
    network, w = linear(4)
    x = torch.tensor([[0.0, 1.0, 0.5, 0.02]], dtype=torch.float64)
    oracle = oracle_for(network, x, labels_of(network, x))
    space = Space(UNIT, False, (4,), torch.float64)
    probes = probe(oracle, space, x, x, torch.arange(4)[None], torch.tensor([0.1]).double(), torch.tensor([0]))
    assert probes.spacing[0].tolist() == pytest.approx([0.1, 0.1, 0.2, 0.12])
    sign = -1.0 if int(oracle.goal.y[0]) == 0 else 1.0
    slope = probes.slope(torch.tensor([1.0]).double(), 50.0)[0]
    # the squared distance is symmetric only in the middle of the box
    own = torch.tensor([0.01 / 0.1, -0.01 / 0.1, 0.0, (0.01 - 0.0004) / 0.12], dtype=torch.float64)
    torch.testing.assert_close(slope - own, sign * w)


def test_the_count_is_two_b_plus_one_per_step_and_the_ladder():
    network, x = smooth(), torch.rand(3, 12, dtype=torch.float64)
    y = labels_of(network, x)
    for coordinates, steps in ((5, 7), (12, 4)):
        oracle = oracle_for(network, x, y, classes=3)
        attack = Zoo(h=1e-4, iterations=steps, searches=1, coordinates=coordinates, abort_every=1000)
        attack.perturb(oracle, x, Streams(3))
        assert oracle.asked.tolist() == [(2 * coordinates + 1) * steps] * 3
        oracle = oracle_for(network, x, y, classes=3)
        answer = Zoo(iterations=steps, searches=1, coordinates=coordinates, abort_every=1000).perturb(
            oracle, x, Streams(3)
        )
        assert answer.notes["h"].tolist() == [LADDER[0]] * 3, "a smooth contender reacts to the smallest h"
        assert oracle.asked.tolist() == [(2 * coordinates + 1) * steps + 2 * 12 + 1] * 3


def test_paper_settings_ask_257_points_a_step():
    network = linear(784)[0].float()
    x = torch.rand(1, 1, 28, 28)
    oracle = oracle_for(network, x, labels_of(network, x), dtype=torch.float32)
    Zoo(h=1e-4, iterations=3, searches=1, coordinates=128, abort_every=1000).perturb(oracle, x, Streams(1))
    assert oracle.asked.tolist() == [257 * 3]


@pytest.mark.parametrize("box", ["projection", "tanh"])
@pytest.mark.parametrize("bounds", [UNIT, Bounds(-1.0, 3.0)])
def test_every_point_stays_in_the_bounds(box, bounds):
    network, _ = linear(6)
    x = bounds.low + bounds.width * torch.tensor([[0.0, 1.0, 0.5, 0.3, 0.0, 1.0]], dtype=torch.float32)
    oracle = oracle_for(network.float(), x, labels_of(network.float(), x), bounds=bounds, dtype=torch.float32)
    answer = Zoo(h=0.3, iterations=40, searches=2, box=box, learning_rate=0.2).perturb(oracle, x, Streams(1))
    assert bounds.low <= oracle.lowest <= oracle.highest <= bounds.high
    assert oracle.highest - oracle.lowest > 0.9 * bounds.width, "the whole range must be in use"
    assert bounds.low <= float(answer.x.min()) <= float(answer.x.max()) <= bounds.high


@given(st.floats(-3, 3), st.floats(0.1, 5), st.floats(0, 1))
def test_the_tanh_variable_comes_back(low, width, share):
    bounds = Bounds(low, low + width)
    space = Space(bounds, True, (1,), torch.float64)
    x = torch.tensor([[low + share * width]], dtype=torch.float64)
    assert abs(float(space.value(space.variable(x)) - x)) <= 5.1e-7 * width


@pytest.mark.parametrize("box", ["projection", "tanh"])
def test_a_linear_victim_falls_at_its_exact_distance(box):
    network, w = linear(16, seed=1)
    generator = torch.Generator().manual_seed(3)
    x = 0.3 + 0.4 * torch.rand(6, 16, generator=generator, dtype=torch.float64)
    f = x @ w - 0.5 * w.sum()
    x = x + ((0.15 - f.abs()) * f.sign())[:, None] * w  # 0.15 from the boundary, inside the box
    y = labels_of(network, x)
    oracle = oracle_for(network, x, y)
    answer = Zoo(iterations=400, searches=9, box=box, learning_rate=0.005).perturb(oracle, x, Streams(6))
    assert (labels_of(network, answer.x) != y).all()
    distance = (answer.x - x).norm(dim=1)
    assert (distance >= 0.15 - 1e-9).all()
    assert float(distance.max()) < 0.15 * 1.02


@pytest.mark.parametrize("kappa", [0.0, 0.1, 0.5])
def test_a_success_wins_by_kappa(kappa):
    network, x = smooth(classes=4), torch.rand(4, 3, 4, dtype=torch.float64)
    with torch.no_grad():
        network[3].weight.mul_(5)  # so that every class is within reach by a wide margin
    y = labels_of(network, x)
    target = network(x).topk(2, dim=1).indices[:, 1]
    oracle = oracle_for(network, x, y, target=target, classes=4)
    answer = Zoo(kappa=kappa, iterations=200, searches=4, learning_rate=0.05).perturb(oracle, x, Streams(4))
    changed = (answer.x != x).flatten(1).any(dim=1)
    assert changed.any()
    won = -margin(network(answer.x), oracle.goal, torch.arange(4)).detach()
    assert (won[changed] >= kappa - 1e-12).all()
    if kappa:
        assert (won[changed] < kappa + 0.2).all(), "no farther than asked for"


def test_a_contender_that_never_answers_differently_is_blind():
    network = nn.Sequential(nn.Flatten(), nn.Linear(9, 2))
    nn.init.zeros_(network[1].weight)
    x = torch.rand(3, 9)
    oracle = oracle_for(network, x, labels_of(network, x), dtype=torch.float32)
    answer = Zoo(iterations=5, searches=2).perturb(oracle, x, Streams(3))
    assert answer.blind.all()
    assert torch.equal(answer.x, x)
    oracle = oracle_for(network, x, labels_of(network, x), dtype=torch.float32)
    assert Zoo(h=1e-4, iterations=5, searches=2).perturb(oracle, x, Streams(3)).blind.all()


class Stairs(nn.Module):
    """Scores that change only every tenth of the range, as votes do."""

    def forward(self, x):
        height = (x * 10 + 0.5).floor().sum(dim=1) / 10
        return torch.stack([height, torch.full_like(height, 4.0)], dim=1)


def test_the_step_is_the_smallest_that_stairs_react_to():
    x = torch.full((4, 8), 0.5)  # in the middle of a stair: 0.05 up or down is the next
    oracle = oracle_for(Stairs(), x, labels_of(Stairs(), x), dtype=torch.float32)
    h, share = choose_h(oracle, Space(UNIT, False, (8,), torch.float32), x.double(), Streams(4))
    assert h.tolist() == pytest.approx([0.1] * 4)
    assert (share == 1).all()
    tried = LADDER.index(0.1) + 1
    assert oracle.asked.tolist() == [tried * (2 * min(SAMPLE, 8) + 1)] * 4


def test_auto_h_breaks_stairs_that_the_papers_h_is_blind_to():
    x = torch.full((4, 8), 0.52)
    y = labels_of(Stairs(), x)
    for h, broken, blind in (("auto", True, False), (1e-4, False, True)):
        oracle = oracle_for(Stairs(), x, y, dtype=torch.float32)
        answer = Zoo(h=h, iterations=60, searches=3, learning_rate=0.02).perturb(oracle, x, Streams(4))
        assert bool((labels_of(Stairs(), answer.x) != y).all()) is broken
        assert bool(answer.blind.all()) is blind


def test_rows_stop_when_a_step_is_no_longer_paid_for():
    network, x = smooth(), torch.rand(3, 12, dtype=torch.float64)
    oracle = oracle_for(network, x, labels_of(network, x), classes=3, budget=100)
    Zoo(h=1e-4, coordinates=6).perturb(oracle, x, Streams(3))
    assert oracle.asked.tolist() == [91] * 3  # seven steps of 13


def test_adam_is_the_textbook_one_on_every_coordinate():
    torch.manual_seed(0)
    slopes = torch.randn(20, 1, 5, dtype=torch.float64)
    ours, x = CoordinateAdam.zeros(torch.zeros(1, 5)), torch.zeros(1, 5, dtype=torch.float64)
    theirs = torch.zeros(1, 5, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([theirs], lr=0.01, eps=0.0)
    rows, index = torch.tensor([0]), torch.arange(5)[None]
    for slope in slopes:
        x = x + ours.step(rows, index, slope, torch.full((1, 1), 0.01, dtype=torch.float64))
        theirs.grad = slope.clone()
        optimiser.step()
    torch.testing.assert_close(x, theirs.detach(), rtol=1e-6, atol=1e-9)
    assert ours.steps.tolist() == [[20.0] * 5]


@settings(max_examples=50)
@given(st.lists(st.booleans(), min_size=1, max_size=12))
def test_the_search_on_c_raises_tenfold_then_halves(found):
    trade = TradeOff.start(1, 0.01, torch.device("cpu"))
    low, high, c = 0.0, None, 0.01
    for success in found:
        trade.advance(torch.tensor([0]), torch.tensor([success]))
        if success:
            high = c if high is None else min(high, c)
        else:
            low = max(low, c)
        c = (low + high) / 2 if high is not None else c * 10
        assert float(trade.c[0]) == pytest.approx(c)
    assert int(trade.done[0]) == len(found)
