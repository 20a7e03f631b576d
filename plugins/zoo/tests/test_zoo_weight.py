"""The first c follows the victim's slopes: how steep its scores are must not decide whether it falls."""

import copy
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parent))
from zoo_case import Streams, linear, oracle_for

from advbench_zoo.attack import Zoo
from advbench_zoo.differences import Pair
from advbench_zoo.search import first_weight


def pair_of(slope, h=0.1):
    """Probes around an input, of f with that slope (R, B) per unit of x."""
    ahead, behind = torch.full_like(slope, h), torch.full_like(slope, -h)
    return Pair(ahead, behind, (slope * ahead, slope * behind), (ahead.square(), behind.square()))


def weight_of(slope, base, noise=0.0, count=2, kappa=0.0):
    noise = torch.full((len(slope),), noise, dtype=torch.float64)
    return first_weight(torch.tensor(base, dtype=torch.float64), pair_of(slope), noise, count, kappa).tolist()


def test_a_linear_victim_needs_a_third_of_the_first_c():
    slope = torch.tensor([[3.0, -4.0]], dtype=torch.float64)
    # |x - x0|^2 + c f ends at a length of c |slope| / 2, and the boundary lies at f / |slope|.
    assert weight_of(slope, [5.0]) == pytest.approx([3 * 2 * 5.0 / 25])
    assert weight_of(slope, [5.0], kappa=1.0) == pytest.approx([3 * 2 * 6.0 / 25]), "kappa lies farther"
    assert weight_of(slope, [5.0], count=8) == pytest.approx([3 * 2 * 5.0 / 100]), "two of eight were probed"
    assert weight_of(slope, [5.0], noise=0.7) == pytest.approx([3 * 2 * 5.0 / 16]), "the smaller one may be noise"


def test_probes_on_one_side_of_the_input_tell_the_same_slope():
    slope, near, far = (torch.tensor([[v]], dtype=torch.float64) for v in (4.0, -0.1, -0.2))
    pair = Pair(near, far, (slope * near, slope * far), (near.square(), far.square()))
    base, noise = torch.tensor([5.0], dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    assert first_weight(base, pair, noise, 1, 0.0).tolist() == pytest.approx([3 * 2 * 5.0 / 16])


@pytest.mark.parametrize(("slope", "base"), [(0.0, 5.0), (3.0, -1.0)])
def test_silence_and_inputs_that_have_won_get_a_plain_number(slope, base):
    assert weight_of(torch.full((1, 2), slope, dtype=torch.float64), [base]) == [0.2]


@pytest.mark.parametrize("solver", ["adam", "newton"])
def test_how_steep_scores_are_does_not_decide_what_a_short_budget_finds(solver):
    """With a fixed first c of .2 the flat one is not found within the budget."""
    network, _ = linear(32)
    x = 0.3 + 0.4 * torch.rand(6, 32, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = []
    for scale in (0.01, 1.0, 100.0):
        scaled = copy.deepcopy(network)
        with torch.no_grad():
            for part in scaled.modules():
                if isinstance(part, nn.Linear):
                    part.weight.mul_(scale)
                    part.bias.mul_(scale)
        answer = Zoo(solver=solver, h=1e-3).perturb(oracle_for(scaled, x, budget=3000), x, Streams(len(x)))
        assert (scaled(answer.x).argmax(dim=1) != scaled(x).argmax(dim=1)).all()
        found.append((answer.x - x).norm(dim=1))
    torch.testing.assert_close(found[0], found[1], rtol=0.05, atol=0)
    torch.testing.assert_close(found[2], found[1], rtol=0.05, atol=0)
