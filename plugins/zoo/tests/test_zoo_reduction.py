"""Small spaces stretched over images: the two bases, their slopes, and growing."""

import math
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from advbench import ContestError, Modality

sys.path.insert(0, str(Path(__file__).resolve().parent))
from zoo_case import UNIT, Streams, here_at, labels_of, oracle_for

from advbench_zoo.attack import Zoo
from advbench_zoo.reduction import Reduced, bilinear, dct
from advbench_zoo.space import Box
from advbench_zoo.variables import Growth, Variables

CPU = torch.device("cpu")
SHAPE = (2, 9, 7)


def reduced(basis="bilinear", side=4, box=None, shape=SHAPE):
    return Reduced.of(box or Box(UNIT), shape, side, basis, CPU)


@settings(max_examples=40)
@given(st.integers(1, 12), st.integers(0, 30), st.integers(0, 100))
def test_stretching_samples_as_tensorflow_1_did(small, more, seed):
    big = small + more
    image = torch.rand(small, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    expected = []
    for place in range(big):
        source = place * (small / big)  # no half pixel, corners not aligned
        below = math.floor(source + 1e-12)
        above = min(below + 1, small - 1)
        share = max(0.0, source - below)
        expected.append((1 - share) * float(image[below]) + share * float(image[above]))
    assert (bilinear(big, small) @ image).tolist() == pytest.approx(expected, abs=1e-9)


@settings(max_examples=20)
@given(st.integers(1, 40), st.data())
def test_low_cosines_are_orthonormal(big, data):
    small = data.draw(st.integers(1, big))
    basis = dct(big, small)
    torch.testing.assert_close(basis.T @ basis, torch.eye(small, dtype=torch.float64), rtol=0, atol=1e-12)
    assert torch.allclose(basis[:, 0], torch.full((big,), big**-0.5, dtype=torch.float64)), "the first one is constant"


@pytest.mark.parametrize("basis", ["bilinear", "dct"])
@pytest.mark.parametrize("box", [Box(UNIT), Box(UNIT, tanh=True), Box(None)])
def test_points_are_what_the_matrices_say(basis, box):
    space = reduced(basis, box=box)
    x0 = torch.rand(3, 126, dtype=torch.float64)
    m = torch.randn(3, space.size, dtype=torch.float64) * 0.3
    here = here_at(box, x0, m)
    index = torch.tensor([[0, 5, 31], [16, 15, 2], [7, 8, 9]])
    move = torch.tensor([[0.1, -0.1, 0.2]], dtype=torch.float64).expand(3, 3)
    points = space.points(here, index, move, torch.float64)
    make = dct if basis == "dct" else bilinear
    for row in range(3):
        for place in range(4):
            own = m[row].clone()
            if place:
                own[index[row, place - 1]] += move[row, place - 1]
            image = make(9, 4) @ own.reshape(2, 4, 4) @ make(7, 4).T
            expected = box.value(here.origin[row] + image.flatten())
            torch.testing.assert_close(points[row, place], expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(points[:, 0], space.point(here), rtol=0, atol=1e-12)


@pytest.mark.parametrize("basis", ["bilinear", "dct"])
@pytest.mark.parametrize("tanh", [False, True])
def test_the_slope_of_the_squared_size_is_exact(basis, tanh):
    box = Box(UNIT, tanh)
    space = reduced(basis, box=box)
    x0 = torch.rand(3, 126, dtype=torch.float64)
    m = (torch.randn(3, space.size, dtype=torch.float64) * 0.3).requires_grad_(True)
    here = here_at(box, x0, m)
    size = (space.point(here) - x0).square().sum(dim=1)
    (slope,) = torch.autograd.grad(size.sum(), m)
    index, h = torch.arange(space.size).expand(3, -1), 1e-3
    still = here_at(box, x0, m.detach())
    up = space.squares(still, index, torch.full((3, space.size), h, dtype=torch.float64))
    down = space.squares(still, index, torch.full((3, space.size), -h, dtype=torch.float64))
    torch.testing.assert_close((up - down) / (2 * h), slope, rtol=1e-9, atol=1e-9)
    assert slope.abs().max() > 0.1
    for row in range(3):
        hessian = torch.autograd.functional.hessian(
            lambda own, row=row: (space.point(here_at(box, x0[row : row + 1], own[None])) - x0[row]).square().sum(),
            m.detach()[row],
        )
        torch.testing.assert_close((up + down)[row] / h**2, hessian.diagonal(), rtol=1e-6, atol=1e-6)


def test_without_a_box_the_squared_size_of_any_move_is_exact():
    space = reduced(box=Box(None))
    x0 = torch.rand(2, 126, dtype=torch.float64)
    here = here_at(space.box, x0, torch.randn(2, space.size, dtype=torch.float64))
    index, move = torch.tensor([[3, 30], [1, 2]]), torch.tensor([[0.7, -2.0], [1.0, 3.0]], dtype=torch.float64)
    points = space.points(here, index, move, torch.float64)
    size = (points - x0[:, None]).square().sum(dim=2)
    torch.testing.assert_close(space.squares(here, index, move), size[:, 1:] - size[:, :1])


def grown(basis, small, large, m, shape=(1, 128, 128)):
    spaces = (reduced(basis, small, shape=shape), reduced(basis, large, shape=shape))
    x0 = torch.zeros(len(m), math.prod(shape), dtype=torch.float64)
    variables = Variables(x0, Box(None), spaces, Growth(at=(1,)))
    rows = torch.arange(len(m))
    variables.put(rows, m)
    before = spaces[0].point(variables.here(rows, spaces[0]))
    assert variables.age(rows, torch.ones(len(m))).tolist() == rows.tolist()
    assert variables.stage.tolist() == [1] * len(m)
    return before, spaces[1].point(variables.here(rows, spaces[1]))


def test_growing_keeps_the_change():
    m = torch.randn(2, 32 * 32, dtype=torch.float64)
    before, after = grown("dct", 32, 64, m)
    torch.testing.assert_close(after, before, rtol=0, atol=1e-10)
    # Doubling and doubling again reads between the same samples as one stretch, except past the last one.
    before, after = (part.reshape(2, 128, 128)[:, :124, :124] for part in grown("bilinear", 32, 64, m))
    torch.testing.assert_close(after, before, rtol=0, atol=1e-10)


class Blob(nn.Module):
    """Class 1 where the middle of the image is bright."""

    def forward(self, x):
        bright = x[:, :, 4:12, 4:12].mean(dim=(1, 2, 3))
        return torch.stack([torch.full_like(bright, 0.6), bright], dim=1) * 40


@pytest.mark.parametrize("basis", ["bilinear", "dct"])
def test_a_small_space_finds_a_smooth_change_with_fewer_queries(basis):
    x = 0.45 + 0.1 * torch.rand(3, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    sizes = {}
    for reduce in ("none", basis):
        chosen = {"reduce": reduce} | ({} if reduce == "none" else {"sizes": (4,)})
        oracle = oracle_for(Blob(), x, dtype=torch.float32, budget=1500)
        answer = Zoo(h=1e-3, coordinates=8, c=1.0, **chosen).perturb(oracle, x, Streams(3))
        broken = labels_of(Blob(), answer.x) == 1
        sizes[reduce] = torch.where(broken, (answer.x - x).flatten(1).norm(dim=1), torch.inf)
        assert 0 <= oracle.lowest <= oracle.highest <= 1
    assert (sizes[basis] < torch.inf).all()
    assert (sizes[basis] < sizes["none"]).all(), sizes


def test_a_search_passes_through_all_sizes_and_begins_anew_in_the_first():
    x = torch.full((1, 1, 16, 16), 0.5)
    oracle = oracle_for(Blob(), x, dtype=torch.float32, keep=True)
    attack = Zoo(
        h=1e-2, reduce="bilinear", sizes=(2, 4, 8), grow_at=(3, 5), iterations=7, searches=2, coordinates=1000,
        abort_every=1000, learning_rate=1e-3,
    )  # fmt: skip
    attack.perturb(oracle, x, Streams(1))
    costs = [1 + 2 * side**2 for side in (2, 2, 2, 4, 4, 8, 8)] * 2
    assert [len(points) for points in oracle.points] == costs


def test_only_images_have_smaller_spaces():
    assert Zoo(reduce="dct", sizes=(4,)).facts().modalities == {Modality.IMAGE}
    assert Zoo(importance="refresh").facts().modalities == {Modality.IMAGE}
    assert Zoo().facts().modalities is None
    flat, image = torch.rand(1, 12), torch.rand(1, 1, 16, 16)
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 2))
    with pytest.raises(ContestError, match="zoo: reduce and importance must be none"):
        Zoo(reduce="dct", sizes=(2,)).perturb(oracle_for(network, flat, dtype=torch.float32), flat, Streams(1))
    with pytest.raises(ContestError, match="sizes must be at most the image's side, 16, got 32"):
        Zoo(reduce="dct").perturb(oracle_for(Blob(), image, dtype=torch.float32), image, Streams(1))
