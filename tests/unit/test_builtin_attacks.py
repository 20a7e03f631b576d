"""The two controls: one changes nothing, the other shakes inside the rules."""

import math
import sys
from pathlib import Path

import pytest
import torch

from advbench import Access, ClassGoal, Examples, LocalOracle, Norm, Threat
from advbench.arena.draws import ExampleStreams, SeedPath
from advbench.builtin.attacks import Nothing, RandomNoise
from advbench.testing import BOUNDS, ConstantContender, NoisyContender, ThresholdContender, grid_examples, grid_facts

sys.path.insert(0, str(Path(__file__).resolve().parent))
from arena_case import CPU, play, same


class Seen(ConstantContender):
    """Remembers every point."""

    def __init__(self):
        super().__init__()
        self.points = []

    def scores(self, x, *, noise=None):
        self.points.append(x.clone())
        return super().scores(x)


def drawn(norm, eps, draws=50, value=1.0, features=6):
    """Points asked of a contender that never gives in, from the middle of the box."""
    contender, x = Seen(), torch.full((3, features), value)
    goal = ClassGoal(torch.zeros(3, dtype=torch.int64))
    threat = Threat(access=Access.LABELS, norm=norm, eps=eps)
    oracle = LocalOracle(contender, goal, threat, shape=(features,), classes=2, bounds=BOUNDS)
    RandomNoise(draws=draws).perturb(oracle, x, ExampleStreams(SeedPath(0), [1, 2, 3], CPU))
    return torch.stack([points[:3] for points in contender.points]) - x


def test_nothing_changes_nothing_and_asks_nothing():
    rows = play(ThresholdContender(), Nothing(), grid_examples(5), needs=Access.NONE, max_queries=0)
    assert {(row["verdict"], row["queries"], row["l2"], row["stop_reason"]) for row in rows} == {
        ("held", 0, 0.0, "done")
    }
    assert all(row["adv_label"] == row["clean_label"] for row in rows)


def test_linf_draws_are_corners():
    change = drawn(Norm.LINF, 0.25)
    assert set(change.flatten().tolist()) == {-0.25, 0.25}
    assert abs(float(change.mean())) < 0.25 * 4 / math.sqrt(change.numel())
    assert len({tuple(one.tolist()) for one in change.flatten(0, 1)}) > 50


def test_l2_draws_lie_on_the_sphere_in_every_direction():
    change = drawn(Norm.L2, 0.5, draws=400)
    torch.testing.assert_close(change.norm(dim=2), torch.full((400, 3), 0.5))
    flat = change.flatten(0, 1)
    assert float(flat.mean(dim=0).abs().max()) < 4 * 0.5 / math.sqrt(6 * len(flat))
    covariance = flat.t() @ flat / len(flat)
    torch.testing.assert_close(covariance, torch.eye(6) * 0.25 / 6, atol=0.006, rtol=0)


def test_draws_stay_inside_the_box():
    for norm in (Norm.L2, Norm.LINF):
        change = drawn(norm, 1.0, value=2.75)
        assert float(change.max()) <= 0.25
        assert float(change.min()) < -0.25 if norm is Norm.LINF else float(change.min()) < 0


def test_it_finds_what_is_there_and_stays_within_eps():
    given = grid_examples(40)
    near = ThresholdContender().smallest_change(given.x)
    for norm in (Norm.L2, Norm.LINF):
        rows = play(ThresholdContender(), RandomNoise(draws=300), given, norm=norm, eps=0.5, max_queries=300)
        for row, gap in zip(rows, near.tolist(), strict=True):
            possible = gap < (0.5 if norm is Norm.LINF else 0.3)
            assert row["verdict"] == "broken" if possible else row["verdict"] in ("held", "broken")
            assert (row["verdict"] == "broken") <= (gap < 0.5)
            if row["verdict"] == "broken":
                assert row[norm.value] <= 0.5 + 4e-6
                assert row["queries"] == row["first_query"]
            else:
                assert row["queries"] == 300
                assert row["stop_reason"] == "budget"


def test_without_eps_it_comes_closer_and_closer():
    given = Examples(torch.tensor([1]), torch.zeros(1, 2), torch.tensor([0]))
    sizes = []
    for draws in (20, 100, 1000):
        (row,) = play(ThresholdContender(), RandomNoise(draws=draws), given, facts=grid_facts(2), norm=Norm.L2)
        sizes.append(row["l2"])
    assert sizes == sorted(sizes, reverse=True)
    assert 1 < sizes[-1] < 1.05


def test_it_is_repeatable_differs_by_seed_and_leaves_its_input_alone():
    given = grid_examples(6)
    before = given.x.clone()
    runs = [play(NoisyContender(), RandomNoise(draws=30), given, eps=0.5, seed=seed) for seed in (0, 0, 1)]
    assert all(same(a, b) for a, b in zip(runs[0], runs[1], strict=True))
    assert not all(same(a, b) for a, b in zip(runs[0], runs[2], strict=True))
    assert torch.equal(given.x, before)


def test_what_it_returns_is_what_it_found():
    x = torch.zeros(3, 4)
    for eps in (None, 1.5):
        goal, threat = (
            ClassGoal(torch.zeros(3, dtype=torch.int64)),
            Threat(access=Access.LABELS, norm=Norm.LINF, eps=eps),
        )
        oracle = LocalOracle(ThresholdContender(), goal, threat, shape=(4,), classes=2, bounds=BOUNDS)
        answer = RandomNoise(draws=100).perturb(oracle, x, ExampleStreams(SeedPath(0), [1, 2, 3], CPU))
        assert ThresholdContender().labels(answer.x).tolist() == [1, 1, 1]


@pytest.mark.parametrize("budget", [0, 1, 7])
def test_its_budget_is_the_limit(budget):
    rows = play(ConstantContender(), RandomNoise(draws=20), _zeros(4), eps=0.5, max_queries=budget)
    assert [row["queries"] for row in rows] == [budget] * 4


def test_it_reaches_a_target():
    rows = play(
        ThresholdContender(), RandomNoise(draws=200), _zeros(4), target=torch.ones(4, dtype=torch.int64),
        norm=Norm.LINF, eps=1.5,
    )  # fmt: skip
    assert {row["verdict"] for row in rows} == {"broken"}


def _zeros(n):
    return Examples(torch.arange(n), torch.zeros(n, 4), torch.zeros(n, dtype=torch.int64))
