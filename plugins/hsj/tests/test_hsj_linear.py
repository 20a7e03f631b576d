"""Known answers: linear victims, whose optimum inside the box is exact."""

import sys
from pathlib import Path

import pytest
import torch
from known_victims import box_optimum, distance, inner, labels_of, linear

sys.path.insert(0, str(Path(__file__).resolve().parent))
from hsj_case import attack, oracle_for

from advbench import Norm
from advbench.testing import streams
from advbench_hsj.asking import Asking
from advbench_hsj.attack import HopSkipJump
from advbench_hsj.boundary import Nearest, nearest
from advbench_hsj.draws import WalkStreams
from advbench_hsj.estimate import directions


def ratios(component, features, norm, n=3):
    network, w = linear(features)
    x = inner(n, features)
    answer = attack(component, network, x, norm)
    assert (labels_of(network, answer.x) != labels_of(network, x)).all()
    return distance(answer.x, x, norm) / box_optimum(w, x, norm)


@pytest.mark.parametrize("preset", ["none", "paper"])
@pytest.mark.parametrize("features", [30, 64])
def test_l2_is_within_two_percent_up_to_64_features(features, preset):
    ratio = ratios(HopSkipJump(preset=preset, iterations=40), features, Norm.L2)
    assert float(ratio.min()) > 1 - 1e-4, "nothing beats the exact optimum"
    assert float(ratio.median()) < 1.02


@pytest.mark.parametrize("preset", ["none", "paper"])
def test_linf_is_within_four_percent_up_to_64_features(preset):
    ratio = ratios(HopSkipJump(preset=preset, iterations=40), 64, Norm.LINF)
    assert float(ratio.min()) > 1 - 1e-4
    assert float(ratio.median()) < 1.04


@pytest.mark.slow
def test_l2_is_within_five_percent_at_784_features():
    ratio = ratios(HopSkipJump(iterations=64), 784, Norm.L2)
    assert float(ratio.min()) > 1 - 1e-4
    assert float(ratio.median()) < 1.05


def test_more_noise_points_better():
    """The cosine to the true normal grows as sqrt(2 B / (pi d)) while B is far below d."""
    features = 784
    network, w = linear(features)
    x = inner(8, features)
    away = (x @ w - 0.5 * w.sum())[:, None] / w.norm() ** 2 * w
    here = x - away * (1 + 1e-4)  # just behind the boundary
    way = -(away / away.norm(dim=1, keepdim=True))
    cosine = {}
    for count in (40, 160):
        asking = Asking(oracle_for(network, x), x)
        lengths = torch.full((8, 1), 0.5)
        counts = torch.full((8,), count)
        found = directions(
            asking, WalkStreams(streams(8), 8, 1, x.device), torch.arange(8), here, lengths, count, counts
        )[:, 0]
        cosine[count] = float((found * way).sum(dim=1).mean())
        expected = (2 * count / (torch.pi * features)) ** 0.5
        assert abs(cosine[count] / expected - 1) < 0.25
    assert cosine[160] > 1.6 * cosine[40]


def test_answers_that_are_all_alike_still_give_a_direction():
    network, _ = linear()
    x = inner()
    asking = Asking(oracle_for(network, x), x)
    lengths, counts = torch.full((6, 1), 1e-3), torch.full((6,), 20)
    found = directions(asking, WalkStreams(streams(6), 6, 1, x.device), torch.arange(6), x, lengths, 20, counts)
    assert torch.allclose(found.norm(dim=2), torch.ones(6, 1))


@pytest.mark.parametrize("norm", [Norm.L2, Norm.LINF])
def test_a_projection_ends_on_the_boundary(norm):
    """The point is adversarial; a little closer it is not."""
    network, _ = linear(16)
    x = inner()
    far = 1 - x.round()
    oracle = oracle_for(network, x, norm)
    asking, rows = Asking(oracle, x), torch.arange(6)
    beyond = asking.met(far, rows)
    rows, far = rows[beyond], far[beyond]
    assert len(rows) >= 2
    known = Nearest(far.clone(), asking.geometry.size(far - x[rows]), torch.full_like(rows, -1))
    found = nearest(asking, rows, far[:, None], torch.ones(len(rows), 1, dtype=torch.bool), known)
    assert asking.met(found.point, rows).all()
    closer = asking.geometry.along(
        x[rows].double(), far.double() - x[rows], found.size - 3 * asking.geometry.tolerance * known.size, known.size
    )
    assert not asking.met(closer, rows).any()
