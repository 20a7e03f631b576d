"""ADAM's reset, and the loss that is noted on request."""

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parent))
from zoo_case import Streams, linear, oracle_for

from advbench_zoo.adam import CoordinateAdam
from advbench_zoo.attack import Zoo


def near_the_line(rows=3, distance=0.02):
    network, w = linear(16, seed=1)
    x = 0.3 + 0.4 * torch.rand(rows, 16, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    f = x @ w - 0.5 * w.sum()
    return network, x + ((distance - f.abs()) * f.sign())[:, None] * w


def test_adam_forgets_once_a_search_when_the_score_first_reaches_its_floor(monkeypatch):
    forgot = []
    forget = CoordinateAdam.forget

    def watched(self, rows):
        forgot.extend(rows.tolist())
        forget(self, rows)

    monkeypatch.setattr(CoordinateAdam, "forget", watched)
    network, x = near_the_line()
    counts = {}
    for reset in (False, True):
        forgot.clear()
        attack = Zoo(h=1e-4, iterations=30, searches=2, c=5.0, abort_every=99, adam_reset=reset)
        answer = attack.perturb(oracle_for(network, x), x, Streams(3))
        assert (answer.x != x).any(dim=1).all()
        counts[reset] = [forgot.count(row) for row in range(3)]
    assert counts == {False: [2, 2, 2], True: [4, 4, 4]}  # at the end of each search, and once within


def test_after_the_reset_the_next_step_is_a_first_step():
    network, x = near_the_line(1)
    steps = {}
    for reset in (False, True):
        oracle = oracle_for(network, x, keep=True)
        attack = Zoo(h=1e-4, iterations=12, searches=1, c=5.0, abort_every=99, coordinates=16, adam_reset=reset)
        attack.perturb(oracle, x, Streams(1))
        steps[reset] = oracle.of(0)[::33]
    valid = (network(steps[True]).argmax(dim=1) != network(x).argmax(dim=1)).nonzero().flatten()
    first = int(valid[0])
    torch.testing.assert_close(steps[True][: first + 2], steps[False][: first + 2], rtol=0, atol=0)
    size = (steps[True][first + 2] - steps[True][first + 1]).abs()
    torch.testing.assert_close(size, torch.full_like(size, 0.05), rtol=1e-4, atol=0)  # ADAM's first step is its rate
    assert not torch.equal(steps[True][first + 2], steps[False][first + 2])


def test_losses_are_noted_only_on_request_and_are_those_of_the_points_asked():
    network, x = near_the_line()
    chosen = {"h": 1e-4, "iterations": 20, "searches": 1, "c": 5.0, "abort_every": 99, "coordinates": 8}
    plain = Zoo(**chosen).perturb(oracle_for(network, x), x, Streams(3))
    assert sorted(plain.notes) == ["c", "h", "informative", "iterations"]
    oracle = oracle_for(network, x, keep=True)
    traced = Zoo(trace_loss=5, **chosen).perturb(oracle, x, Streams(3))
    assert torch.equal(traced.x, plain.x)
    assert sorted(set(traced.notes) - set(plain.notes)) == sorted(
        ["first_valid_step", "final_loss", "final_score_loss"]
        + [f"{name}_{step:05d}" for name in ("loss", "score_loss") for step in (5, 10, 15, 20)]
    )
    for row in range(3):
        asked = oracle.of(row)[::17]
        assert len(asked) == 20
        scores = network(asked).detach()
        y = int(oracle.goal.y[row])
        score = 5.0 * (scores[:, y] - scores[:, 1 - y]).clamp(min=0)
        loss = (asked - x[row]).square().sum(dim=1) + score
        assert int(traced.notes["first_valid_step"][row]) == int((score == 0).nonzero()[0]) + 1
        assert float(traced.notes["final_loss"][row]) == pytest.approx(float(loss[-1]))
        for step in (5, 10, 15, 20):
            assert float(traced.notes[f"loss_{step:05d}"][row]) == pytest.approx(float(loss[step - 1]))
            assert float(traced.notes[f"score_loss_{step:05d}"][row]) == pytest.approx(
                float(score[step - 1]), abs=1e-12
            )


def test_a_row_that_never_wins_has_no_first_valid_step_and_steps_not_taken_have_no_loss():
    class Firm(nn.Module):
        def forward(self, x):
            return torch.stack([1 + x.sum(dim=1), torch.zeros(len(x), dtype=x.dtype)], dim=1)

    x = torch.rand(2, 4, dtype=torch.float64)
    oracle = oracle_for(Firm(), x, budget=9 * 7)
    notes = Zoo(h=1e-4, iterations=10, trace_loss=5, coordinates=4, abort_every=99).perturb(oracle, x, Streams(2)).notes
    assert notes["first_valid_step"].isnan().all()
    assert notes["loss_00005"].isfinite().all()
    assert notes["loss_00010"].isnan().all()
    with pytest.raises(ValueError, match="trace_loss must be >= 6 for 3000 iterations, got 5"):
        Zoo(preset="mnist", trace_loss=5)
