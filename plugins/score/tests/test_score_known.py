"""Known answers: linear victims, the paper's schedule and shapes, rows that never notice each other."""

import sys
from pathlib import Path

import pytest
import torch
from known_victims import box_optimum, distance, inner, labels_of, linear, smooth
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parent))
from score_case import Counted, attack, oracle_for

from advbench import Norm
from advbench.testing import streams
from advbench_score.estimates import Nes, Spsa
from advbench_score.layouts import Image, Series, Table, hill_and_valley, layout_of
from advbench_score.losses import margin
from advbench_score.proposals import propose_l2, propose_linf
from advbench_score.pursuit import Pursuit
from advbench_score.slopes import slopes
from advbench_score.square import Square, _Search

L, E = Norm.LINF, Norm.L2
CASES = [((64,), L, 1.2), ((32, 2), L, 1.2), ((1, 8, 8), L, 1.2), ((32, 2), E, 1.7), ((1, 8, 8), E, 1.7)]


@pytest.mark.parametrize(("shape", "norm", "near"), CASES, ids=str)
def test_square_without_eps_ends_near_the_smallest_change(shape, norm, near):
    network, w = linear(64)
    x = inner(6, *shape)
    answer = attack(Square(iterations=250), network, x, norm)
    ratio = distance(answer.x, x, norm) / box_optimum(w, x, norm)
    assert float(ratio.min()) > 1 - 1e-4, "no change can be smaller"
    assert float(ratio.median()) < near


@pytest.mark.parametrize(
    ("component", "near"), [(Nes(iterations=30), 1.2), (Spsa(iterations=20), 1.25)], ids=["nes", "spsa"]
)
@pytest.mark.parametrize("norm", [Norm.LINF, Norm.L2])
def test_estimated_gradients_lead_near_the_smallest_change(component, near, norm):
    network, w = linear(64)
    x = inner(6, 1, 8, 8)
    answer = attack(component, network, x, norm)
    ratio = distance(answer.x, x, norm) / box_optimum(w, x, norm)
    assert float(ratio.min()) > 1 - 1e-4
    assert float(ratio.median()) < near


@pytest.mark.parametrize("component", [Square(iterations=400), Nes(iterations=25), Spsa(iterations=25)])
def test_in_linf_a_little_more_than_the_optimum_suffices_and_less_never_does(component):
    network, w = linear(16)
    x = inner(6, 16)
    best = box_optimum(w, x, Norm.LINF)
    for row in range(6):
        one = x[row : row + 1]
        near = attack(component, network, one, Norm.LINF, float(best[row]) * 1.03)
        assert not torch.equal(labels_of(network, near.x), labels_of(network, one))
    short = attack(component, network, x, Norm.LINF, float(best.min()) * 0.97)
    assert torch.equal(short.x, x)


def test_the_schedule_is_the_papers_for_ten_thousand_and_stretched_for_less():
    search = _Search(Pursuit(oracle_for(linear(64)[0], inner(1, 64), Norm.LINF, 0.1), inner(1, 64), margin, 0.9),
                     layout_of((64,)), 0.1)  # fmt: skip
    paper = {1: 0, 10: 0, 11: 1, 50: 1, 51: 2, 200: 2, 201: 3, 500: 3, 501: 4, 1000: 4, 1001: 5, 2000: 5, 2001: 6,
             4000: 6, 4001: 7, 6000: 7, 6001: 8, 8000: 8, 8001: 9}  # fmt: skip
    for total in (10_000, 1000):
        progress = torch.tensor([step * total / 10_000 for step in paper], dtype=torch.float64) / total
        assert torch.bucketize(progress, search.edges).tolist() == list(paper.values())
    sides = Image(3, 224, 224).sides(torch.tensor([0.05, 0.05 / 512]), 1)
    assert sides.tolist() == [50, 2]
    assert Image(1, 8, 8).sides(torch.tensor([1.0, 1e-9]), 3).tolist() == [8, 3]
    assert Series(140, 1).sides(torch.tensor([0.1]), 1).tolist() == [14]


@pytest.mark.parametrize("layout", [Image(3, 5, 7), Series(9, 2), Table(11)])
def test_windows_are_inside_reach_every_place_and_name_each_number_once(layout):
    d = {Image: 105, Series: 18, Table: 11}[type(layout)]
    rows, rng = torch.arange(300), streams(300)
    window = layout.window(rng, rows, 3)
    at = layout.at(window)
    assert at.shape == (300, window.shape[1] * layout.channels)
    assert set(at.flatten().tolist()) == set(range(d)), "the last row and column too"
    assert all(len(set(one)) == len(one) for one in at.tolist())


def test_the_hill_is_the_papers_formula_spelt_out():
    def eta(h1, h2, r, s):  # equation 2, r and s from 1
        n = h1 // 2
        most = n - max(abs(r - h1 // 2 - 1), abs(s - h2 // 2 - 1))
        return sum(1 / (n + 1 - k) ** 2 for k in range(most + 1))

    for side in (3, 4, 5, 8):
        k = side // 2
        left = [[eta(side, k, r, s) for s in range(1, k + 1)] for r in range(1, side + 1)]
        right = [[-eta(side, side - k, r, s) for s in range(1, side - k + 1)] for r in range(1, side + 1)]
        wanted = torch.cat([torch.tensor(left), torch.tensor(right)], dim=1)
        assert torch.allclose(hill_and_valley(side, 2), wanted / wanted.norm(), atol=1e-6)
    for side in (1, 2, 3, 7):
        assert float(hill_and_valley(side, 1).norm()) == pytest.approx(1)


@pytest.mark.parametrize("shape", [(3, 9, 8), (20, 2), (30,)], ids=str)
def test_proposals_change_one_window_and_use_the_whole_ball(shape):
    x = inner(40, *shape)
    d = x[0].numel()
    layout, rows, rng = layout_of(shape), torch.arange(40), streams(40)
    network, _ = linear(d)
    square = Pursuit(oracle_for(network, x, Norm.LINF, 0.1), x, margin, 0.9)
    start = square.x0 + 0.1
    proposed = propose_linf(square, layout, start, rows, 3, rng)
    places = layout.at(layout.window(streams(1), torch.arange(1), 3)).shape[1]
    changed = (proposed != start).sum(dim=1)
    assert int(changed.min()) > 0, "never a proposal that changes nothing"
    assert int(changed.max()) <= places
    assert torch.allclose((proposed - square.x0).abs(), torch.tensor(0.1), atol=1e-6)
    round_ball = Pursuit(oracle_for(network, x, Norm.L2, 0.25), x, margin, 0.9)
    moved = propose_l2(round_ball, layout, round_ball.x0 + 0.01, rows, 3, rng)
    assert torch.allclose(distance(moved, round_ball.x0, Norm.L2), torch.tensor(0.25).double(), atol=1e-5)
    assert int((moved != round_ball.x0 + 0.01).sum(dim=1).max()) <= 2 * places


def test_slopes_of_a_linear_victim_are_unbiased_at_the_bounds_too():
    network, w = linear(6)
    x = torch.tensor([[0.5, 0.5, 0.0, 1.0, 0.0, 0.5]])  # three numbers at a bound
    for kind in ("normal", "signs"):
        pursuit = Pursuit(oracle_for(network, x, Norm.LINF, 0.1), x, margin, 0.9)
        found = slopes(pursuit, x, torch.arange(1), torch.tensor([0.01]), 20_000, kind, streams(1))
        sign = 1.0 if labels_of(network, x).item() == 1 else -1.0
        assert torch.allclose(found[0], sign * w, atol=0.12), kind


COMPONENTS = [Square(iterations=40), Nes(iterations=4, samples=8), Spsa(iterations=4, samples=8)]


@pytest.mark.parametrize("component", COMPONENTS, ids=["square", "nes", "spsa"])
@pytest.mark.parametrize("norm", [Norm.L2, Norm.LINF])
@pytest.mark.parametrize("shape", [(2, 6, 7), (21, 4)], ids=["image", "series"])
def test_a_row_never_notices_the_others(component, norm, shape):
    """On images and series; the kit's field is a table."""
    network, x = smooth(84), inner(7, *shape)
    whole = attack(component, network, x, norm, classes=3)
    for n in (1, 3):
        part = attack(component, network, x[:n], norm, classes=3)
        assert torch.equal(part.x, whole.x[:n])
        told, expected = part.notes["informative"], whole.notes["informative"][:n]  # NaN where all fell at once
        torch.testing.assert_close(told, expected, rtol=0, atol=0, equal_nan=True)
    assert bool((whole.x != x).any())


@pytest.mark.parametrize("component", [Square(iterations=80), Nes(iterations=6), Spsa(iterations=6)])
def test_with_refine_it_goes_on_to_smaller_changes(component):
    network, w = linear(16)
    x = inner(4, 16)
    best = box_optimum(w, x, Norm.LINF)
    eps = float(best.max()) * 3
    first = attack(component, network, x, Norm.LINF, eps)
    refined = attack(component, network, x, Norm.LINF, eps, refine=True)
    assert (distance(refined.x, x, Norm.LINF) < distance(first.x, x, Norm.LINF)).all()
    assert float((distance(refined.x, x, Norm.LINF) / best).max()) < 1.3


class Decoy(nn.Module):
    """Gives way to a long walk along w; the way back looks as good all along and never arrives."""

    def __init__(self, w):
        super().__init__()
        self.w = w / w.norm()

    def forward(self, x):
        along = (x.flatten(1) - 0.5) @ self.w
        lead = torch.where(along > 0, 1 - along, (1 + along).clamp(min=0.05))
        return torch.stack([lead, torch.zeros_like(lead)], dim=1)


@pytest.mark.parametrize(("shape", "norm"), [((1, 8, 8), E), ((64,), L)], ids=["image-l2", "table-linf"])
def test_without_eps_a_row_in_a_trap_begins_anew(shape, norm):
    network = Decoy(linear(64)[1])
    x = torch.full((16, *shape), 0.5)
    answer = attack(Square(iterations=1500), network, x, norm)
    assert int((labels_of(network, answer.x) == 1).sum()) >= 14, "half of the first points lead into the trap"


class Shaky(Counted):
    """Answers with a normal number added to each lead, another one every time."""

    SCALE = 0.05

    def scores(self, points, rows=None):
        scores = super().scores(points, rows)
        noise = self.SCALE * torch.randn(len(points), generator=self.generator)
        return scores + torch.stack([torch.zeros_like(noise), noise], dim=1)


def test_answers_that_change_by_themselves_are_noticed_and_averaged():
    network, w = linear(16)
    x = inner(40, 16)
    oracle = oracle_for(network, x, Norm.LINF, 0.01, kind=Shaky)
    oracle.generator = torch.Generator().manual_seed(0)
    inquiry, rows = Pursuit(oracle, x, margin, 0.9).inquiry, torch.arange(40)
    first, _ = inquiry.ask(x, rows)
    inquiry.listen(x, rows, first)
    assert inquiry.repeats.tolist() == [8] * 40
    assert float(inquiry.noise.median()) == pytest.approx(4 * 2**0.5 * Shaky.SCALE, rel=0.2)
    averaged, _ = inquiry.ask(x, rows)
    exact = (x @ w - w.sum() / 2).abs().double()
    assert float((averaged - exact).std()) < 0.5 * float((first - exact).std()), "means of eight"
    inquiry.compare(rows, torch.full((40,), 0.1, dtype=torch.float64))
    assert inquiry.blind.all(), "a difference that noise explains tells nothing"
    inquiry.compare(rows, torch.full((40,), 1.0, dtype=torch.float64))
    assert not inquiry.blind.any()


def test_square_climbs_through_noise():
    network, w = linear(16)
    x = inner(12, 16)
    eps = float(box_optimum(w, x, Norm.LINF).max()) * 1.3
    oracle = oracle_for(network, x, Norm.LINF, eps, kind=Shaky)
    oracle.generator = torch.Generator().manual_seed(0)
    answer = Square(iterations=60).perturb(oracle, x, streams(12))
    assert int((labels_of(network, answer.x) != labels_of(network, x)).sum()) >= 10
