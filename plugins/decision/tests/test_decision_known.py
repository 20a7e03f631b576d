"""Known answers on linear victims, the steps' own invariants, and rows that never influence each other."""

import itertools
import math
import sys
from pathlib import Path

import pytest
import torch
from known_victims import UNIT, box_optimum, distance, edgy, labels_of, linear, smooth, uniform
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parent))
from decision_case import attack, oracle_for

from advbench import Norm
from advbench.testing import streams
from advbench_decision import boundary, rays
from advbench_decision.boundary import Boundary, on_sphere
from advbench_decision.cgba import Cgba
from advbench_decision.hunt import Hunt
from advbench_decision.noise import LowFrequencies, White, cosines
from advbench_decision.polar import along_circle
from advbench_decision.rays import Rays
from advbench_decision.start import closer, find


def ratio(component, features, n, norm, budget, x=None):
    network, w = linear(features)
    x = edgy(n, features) if x is None else x
    answer = attack(component, network, x, norm, budget=budget)
    assert (labels_of(network, answer.x) != labels_of(network, x)).all()
    return distance(answer.x, x, norm) / box_optimum(w, x, norm)


def test_rays_is_within_half_a_percent_of_the_exact_linf_optimum_at_64():
    found = ratio(Rays(), 64, 2, Norm.LINF, 2000)
    assert float(found.min()) >= 1
    assert float(found.max()) < 1.005


@pytest.mark.slow
@pytest.mark.parametrize("x", [edgy(3, 784), 0.35 + 0.3 * uniform(3, 784)], ids=["like images", "interior"])
def test_rays_finds_the_exact_linf_optimum_at_784_where_the_papers_radii_are_too_coarse(x):
    found = ratio(Rays(), 784, 3, Norm.LINF, 10_000, x)
    assert float(found.min()) >= 1
    assert float(found.max()) < 1.003
    coarse = ratio(Rays(preset="paper"), 784, 3, Norm.LINF, 10_000, x)
    assert float(coarse.max()) > 1.2


def test_cgba_is_near_the_exact_l2_optimum():
    assert float(ratio(Cgba(), 16, 6, Norm.L2, 2000).max()) < 1.02
    assert float(ratio(Cgba(), 64, 3, Norm.L2, 2000).max()) < 1.05


def test_the_boundary_attack_is_near_the_exact_l2_optimum():
    assert float(ratio(Boundary(), 8, 2, Norm.L2, 1500).max()) < 1.02


@pytest.mark.slow
def test_l2_attacks_with_10000_queries():
    x = 0.35 + 0.3 * uniform(4, 784)
    assert float(ratio(Cgba(), 784, 4, Norm.L2, 10_000, x).max()) < 1.1
    assert float(ratio(Boundary(), 784, 4, Norm.L2, 10_000, x).max()) < 1.22
    assert float(ratio(Boundary(), 64, 4, Norm.L2, 10_000, 0.35 + 0.3 * uniform(4, 64)).max()) < 1.001


def test_a_circle_with_the_true_normal_meets_a_flat_boundary_at_its_nearest_point():
    network, w = linear(16)
    x = 0.45 + 0.1 * uniform(4, 16)
    oracle = oracle_for(network, x)
    hunt, rows = Hunt(oracle, x, "test"), torch.arange(4)
    f = (x @ w - 0.5 * w.sum()).double()
    normal = -f.sign()[:, None] * w.double()
    aside = torch.linalg.qr(torch.stack([w, uniform(16)], dim=1).double()).Q[:, 1]
    at = hunt.x0 + (f.abs() / w.double().square().sum())[:, None] * normal + 0.05 * aside  # on it, but not the nearest
    at += 1e-6 * normal
    found = along_circle(hunt, at, normal, rows, 20)
    torch.testing.assert_close(distance(found, x), box_optimum(w, x, Norm.L2), rtol=1e-3, atol=0)
    wrong = along_circle(hunt, at, -normal, rows, 20)  # the other way round every point but `at` is refused
    assert (distance(wrong, x) > 1.05 * distance(found, x)).all()


def test_sideways_steps_keep_the_distance_and_are_orthogonal():
    way, noise = uniform(5, 30).double() - 0.5, uniform(5, 30, seed=6).double() - 0.5
    share = torch.full((5, 1), 0.1, dtype=torch.float64)
    turned = on_sphere(way, noise, share)
    torch.testing.assert_close(turned.norm(dim=1), way.norm(dim=1), rtol=1e-12, atol=0)
    step = turned * (1 + share.square()).sqrt() - way
    assert float((step * way).sum(dim=1).abs().max()) < 1e-12
    torch.testing.assert_close(step.norm(dim=1), 0.1 * way.norm(dim=1), rtol=1e-12, atol=0)


def test_what_the_boundary_attack_accepts_is_adversarial_and_strictly_closer(monkeypatch):
    network, x = smooth(), uniform(3, 12)
    places = []
    propose = boundary._Walk.propose

    def watched(self, rows, noise, check):
        propose(self, rows, noise, check)
        places.append(self.at.clone())

    monkeypatch.setattr(boundary._Walk, "propose", watched)
    attack(Boundary(steps=120), network, x, classes=3)
    for before, after in itertools.pairwise(places):
        moved = (before != after).any(dim=1)
        assert (distance(after, x)[moved] < distance(before, x)[moved]).all()
        assert (labels_of(network, after.float())[moved] != labels_of(network, x)[moved]).all()
    assert (distance(places[-1], x) < distance(places[0], x)).all()


@pytest.mark.parametrize(
    "component", [Boundary(steps=100), Cgba(iterations=3), Rays()], ids=["boundary", "cgba", "rays"]
)
def test_every_point_asked_lies_in_the_box_and_the_answer_is_the_closest_success(component):
    network, x = smooth(), edgy(3, 12)
    norm = Norm.LINF if isinstance(component, Rays) else Norm.L2
    oracle = oracle_for(network, x, norm, classes=3)
    answer = component.perturb(oracle, x, streams(3))
    for row in range(3):
        points, met = oracle.of(row)
        assert UNIT.low <= float(points.min()) <= float(points.max()) <= UNIT.high
        assert len(points) == int(oracle.asked[row])
        best = distance(points[met], x[row : row + 1], norm).min() if met.any() else 0.0
        assert float(distance(answer.x, x, norm)[row]) == pytest.approx(float(best), rel=1e-6)


def test_other_directions_are_taken_only_where_they_are_closer():
    network, x = smooth(), uniform(4, 12)
    hunt = Hunt(oracle_for(network, x, classes=3), x, "test")
    at = find(hunt, streams(4), 100)
    before = distance(at, x)
    closer(hunt, at, streams(4, 1), 30)
    after = distance(at, x)
    moved = after != before
    assert moved.any()
    assert (after[moved] < 0.99 * before[moved]).all()
    assert (labels_of(network, at.float()) != labels_of(network, x)).all()


def test_radii_of_rays_only_shrink_and_bound_the_change(monkeypatch):
    seen = []
    ask = rays._Rays.ask

    def watched(self, rows):
        ask(self, rows)
        seen.append(self.radius.clone())

    monkeypatch.setattr(rays._Rays, "ask", watched)
    network, x = smooth(), edgy(3, 12)
    answer = attack(Rays(), network, x, Norm.LINF, classes=3)
    assert (torch.stack(seen).diff(dim=0) <= 0).all()
    assert float(seen[-1].max()) < math.sqrt(12)
    assert (distance(answer.x, x, Norm.LINF) <= seen[-1].squeeze(1) / math.sqrt(12) + 1e-6).all()


def test_rays_flips_blocks_that_halve_and_the_first_direction_is_all_up():
    network, x = linear(8)[0], 0.45 + 0.1 * uniform(1, 8)
    oracle = oracle_for(network, x, Norm.LINF)
    Rays(preset="paper").perturb(oracle, x, streams(1))
    points, _ = oracle.of(0)
    signs = (points[1:] - x).sign()
    assert (signs[0] == 1).all()
    order = [tuple(one.tolist()) for one in signs]
    order = [one for i, one in enumerate(order) if i == 0 or one != order[i - 1]]
    changes = [sum(a != b for a, b in zip(one, order[1], strict=True)) for one in order[:2]]
    assert changes[0] in (0, 8)  # the first block is everything
    assert len(order) <= 2 + 2 * (1 + 2 + 4 + 8 + 8 * 8)


@pytest.mark.parametrize("features", [1, 4, 5])
def test_rays_tries_every_sign_before_it_ends(features):
    """Only the way down along the last feature leaves the class: the block that is tried last of all."""

    class Last(nn.Module):
        def forward(self, x):
            lead = x[:, -1] - 0.3
            return torch.stack([lead, -lead], dim=1)

    x = torch.full((2, features), 0.6)
    answer = attack(Rays(), Last(), x, Norm.LINF)
    torch.testing.assert_close(distance(answer.x, x, Norm.LINF), torch.full((2,), 0.3).double(), rtol=2e-3, atol=0)


def test_presets_of_rays_end_at_their_number_of_queries():
    network, x = linear(64)[0], edgy(1)
    oracle = oracle_for(network, x, Norm.LINF)
    for preset, most in (("paper", 10_000), ("scd", 40_000)):
        assert rays._PRESETS[preset] == most
    Rays(preset="paper").perturb(oracle, x, streams(1))
    assert int(oracle.asked[0]) <= 10_000


def test_noise_is_of_length_one_and_low_frequencies_hold_no_others():
    rows = torch.arange(3)
    for noise in (White(48), LowFrequencies((3, 4, 4), (2, 2), torch.device("cpu"))):
        drawn = noise.draw(streams(3), rows, 5)
        assert drawn.shape == (3, 5, 48)
        torch.testing.assert_close(drawn.norm(dim=2), torch.ones(3, 5).double())
    waves = cosines(4, 4)
    torch.testing.assert_close(waves @ waves.t(), torch.eye(4).double(), rtol=0, atol=1e-12)
    spectrum = waves @ drawn.reshape(-1, 3, 4, 4) @ waves.t()
    assert float(spectrum[..., 2:, :].abs().max()) < 1e-12
    assert float(spectrum[..., :, 2:].abs().max()) < 1e-12
    assert float(spectrum[..., :2, :2].abs().min()) > 0


@pytest.mark.parametrize(
    "component", [Boundary(steps=60), Cgba(iterations=4), Cgba(iterations=3, frequencies=0.5), Rays()],
    ids=["boundary", "cgba", "cgba low", "rays"],
)  # fmt: skip
def test_rows_of_images_are_bit_equal_alone_and_turned(component):
    network, x = smooth(features=100), edgy(5, 100).reshape(5, 1, 10, 10)
    norm = Norm.LINF if isinstance(component, Rays) else Norm.L2
    y = labels_of(network, x)

    def run(index):
        own = _Streams(index)
        return component.perturb(oracle_for(network, x[index], norm, y=y[index], classes=3, budget=250), x[index], own)

    together = run([0, 1, 2, 3, 4])
    for index in ([0], [3], [4, 2, 1, 0, 3]):
        assert torch.equal(run(index).x, together.x[index])


class _Streams:
    """Row i draws from the stream of example index[i]."""

    def __init__(self, index):
        self.generators = [torch.Generator().manual_seed(i) for i in index]

    def normal(self, rows, shape):
        return torch.stack([torch.randn(shape, generator=self.generators[i]) for i in rows.tolist()])

    def uniform(self, rows, shape):
        return torch.stack([torch.rand(shape, generator=self.generators[i]) for i in rows.tolist()])
