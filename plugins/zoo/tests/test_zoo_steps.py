"""How far a step goes: the choice of h, ADAM, and the search on c."""

import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parent))
from zoo_case import UNIT, Streams, labels_of, oracle_for

from advbench_zoo.adam import CoordinateAdam
from advbench_zoo.attack import Zoo
from advbench_zoo.differences import Asking
from advbench_zoo.search import TradeOff
from advbench_zoo.space import Box, Inputs
from advbench_zoo.step_size import LADDER, SAMPLE, choose_h
from advbench_zoo.variables import Growth, Variables


class Stairs(nn.Module):
    """Scores that change only every tenth of the range, as votes do."""

    def forward(self, x):
        height = (x * 10 + 0.5).floor().sum(dim=1) / 10
        return torch.stack([height, torch.full_like(height, 4.0)], dim=1)


def test_the_step_is_the_smallest_that_stairs_react_to():
    x = torch.full((4, 8), 0.5)  # in the middle of a stair: 0.05 up or down is the next
    oracle = oracle_for(Stairs(), x, labels_of(Stairs(), x), dtype=torch.float32)
    space = Inputs(Box(UNIT), (8,))
    variables = Variables(x.double(), space.box, (space,), Growth())
    choice = choose_h(oracle, Asking(oracle, space, (8,), torch.float32), variables, Streams(4))
    assert choice.h.tolist() == pytest.approx([0.1] * 4)
    assert (choice.share == 1).all()
    assert (choice.noise == 0).all()
    tried = LADDER.index(0.1) + 1
    assert oracle.asked.tolist() == [2 + tried * (2 * min(SAMPLE, 8) + 1)] * 4


def test_auto_h_breaks_stairs_that_the_papers_h_is_blind_to():
    x = torch.full((4, 8), 0.52)
    y = labels_of(Stairs(), x)
    for h, broken, blind in (("auto", True, False), (1e-4, False, True)):
        oracle = oracle_for(Stairs(), x, y, dtype=torch.float32)
        answer = Zoo(h=h, iterations=60, searches=3, learning_rate=0.02).perturb(oracle, x, Streams(4))
        assert bool((labels_of(Stairs(), answer.x) != y).all()) is broken
        assert bool(answer.blind.all()) is blind


class Shaky(nn.Module):
    """A slope of `steep` under noise of size .05 on each answer."""

    def __init__(self, steep):
        super().__init__()
        self.steep, self.generator = steep, torch.Generator().manual_seed(0)

    def forward(self, x):
        noise = 0.05 * torch.randn(len(x), generator=self.generator)
        return torch.stack([self.steep * x.mean(dim=1) + noise, torch.zeros(len(x))], dim=1)

    def __deepcopy__(self, memo):
        return self


@pytest.mark.parametrize(("steep", "least", "blind"), [(40.0, 0.03, False), (0.0, 0.0, True)])
def test_noise_is_no_reaction(steep, least, blind):
    x = torch.full((6, 8), 0.5)
    oracle = oracle_for(Shaky(steep), x, torch.zeros(6, dtype=torch.int64), dtype=torch.float32, budget=2000)
    answer = Zoo().perturb(oracle, x, Streams(6))
    assert answer.blind.tolist() == [blind] * 6
    assert (answer.notes["h"] >= least).all(), answer.notes["h"]
    assert (answer.notes["informative"] < 0.05).tolist() == [blind] * 6


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
@given(st.lists(st.booleans(), min_size=1, max_size=10))  # c stays below 1e9, as in the released code
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
