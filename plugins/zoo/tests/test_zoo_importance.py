"""Probing more where the image has changed."""

import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parent))
from zoo_case import Streams

from advbench_zoo.importance import draw, regions, widened
from advbench_zoo.reduction import Reduced
from advbench_zoo.space import Box
from advbench_zoo.variables import Growth, Variables

CPU = torch.device("cpu")


@settings(max_examples=30)
@given(st.integers(1, 3), st.integers(1, 40), st.integers(1, 40), st.integers(0, 99))
def test_chances_are_equal_in_a_region_and_sum_to_one(channels, height, width, seed):
    m = torch.randn(2, channels, height, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    m[1] = 0
    chances = regions(m)
    assert chances.sum(dim=(1, 2, 3)).tolist() == pytest.approx([1, 1])
    assert (chances[1] == chances[1].flatten()[0]).all(), "no change anywhere: equal chances"
    tall, wide = max(1, height // 8), max(1, width // 8)
    peaks = torch.zeros_like(m[0])
    for channel in range(channels):
        for top in range(0, height, tall):
            for left in range(0, width, wide):
                block = m[0, channel, top : top + tall, left : left + wide].abs()
                peaks[channel, top : top + tall, left : left + wide] = block.max()
    torch.testing.assert_close(chances[0], peaks / peaks.sum())


def test_chances_of_a_larger_space_are_those_of_the_nearest():
    chances = regions(torch.rand(2, 3, 16, 16, dtype=torch.float64))
    wide = widened(chances, 32)
    assert wide.sum(dim=(1, 2, 3)).tolist() == pytest.approx([1, 1])
    torch.testing.assert_close(wide[:, :, ::2, ::2] * 4, chances)
    assert torch.equal(wide[:, :, ::2], wide[:, :, 1::2])


def test_variables_are_drawn_by_their_chances_and_never_twice():
    chances = torch.tensor([[0.5, 0.3, 0.2, 0.0]], dtype=torch.float64).expand(20_000, 4)
    generator = torch.Generator().manual_seed(0)
    index = draw(chances, torch.rand(20_000, 4, generator=generator), 2)
    assert (index[:, 0] != index[:, 1]).all()
    share = torch.bincount(index[:, 0], minlength=4) / 20_000
    assert share.tolist() == pytest.approx([0.5, 0.3, 0.2, 0], abs=0.015)
    second = torch.bincount(index[:, 1], minlength=4) / 20_000
    # without replacement: p(j second) = sum over i of p_i p_j / (1 - p_i)
    expected = [
        0.3 * 0.5 / 0.7 + 0.2 * 0.5 / 0.8,
        0.5 * 0.3 / 0.5 + 0.2 * 0.3 / 0.8,
        0.5 * 0.2 / 0.5 + 0.3 * 0.2 / 0.7,
        0,
    ]
    assert second.tolist() == pytest.approx(expected, abs=0.015)


def test_when_too_few_have_a_chance_the_others_fill_up_at_random():
    chances = torch.zeros(5000, 10, dtype=torch.float64)
    chances[:, 3] = 1
    index = draw(chances, torch.rand(5000, 10, generator=torch.Generator().manual_seed(0)), 4)
    assert (index[:, 0] == 3).all()
    assert all(len(set(row)) == 4 for row in index.tolist())
    counts = torch.bincount(index[:, 1:].flatten(), minlength=10)
    assert int(counts[3]) == 0
    assert (counts[counts > 0] / counts.sum()).tolist() == pytest.approx([1 / 9] * 9, abs=0.01)


def test_equal_chances_draw_what_no_chances_draw():
    uniform = torch.rand(50, 30)
    assert torch.equal(draw(torch.full((50, 30), 0.1).double(), uniform, 7), draw(None, uniform, 7))


def variables(growth):
    spaces = tuple(Reduced.of(Box(None), (1, 32, 32), side, "bilinear", CPU) for side in (8, 16))
    return Variables(torch.zeros(2, 1024, dtype=torch.float64), Box(None), spaces, growth)


def changed(size, at, rows=2):
    m = torch.zeros(rows, size, dtype=torch.float64)
    m[:, at] = 1.0
    return m


@pytest.mark.parametrize("mode", ["refresh", "released"])
def test_the_released_code_never_looks_again_after_growing(mode):
    state, rows = variables(Growth(at=(2,), importance=mode)), torch.arange(2)
    state.put(rows, changed(64, 0))
    state.age(rows, torch.tensor([1, 1]))
    assert (state.chances == 1).all(), "in the first space all chances are equal"
    state.age(rows, torch.tensor([2, 2]))
    assert state.chances[0].nonzero().flatten().tolist() == [0, 1, 16, 17], "the block of the old variable, widened"
    state.put(rows, changed(256, 255))
    state.age(rows, torch.tensor([3, 3]))
    expected = [238, 239, 254, 255] if mode == "refresh" else [0, 1, 16, 17]
    assert state.chances[0].nonzero().flatten().tolist() == expected
    state.restart(torch.tensor([0]))
    assert (state.chances[0] == 1).all()
    assert not (state.chances[1] == 1).all()


def test_chances_are_refreshed_as_often_as_asked():
    state, rows = variables(Growth(at=(1,), importance="refresh", every=3)), torch.arange(2)
    state.put(rows, changed(64, 0))
    state.age(rows, torch.tensor([1, 1]))
    state.put(rows, changed(256, 255))
    kept = state.chances.clone()
    state.age(rows, torch.tensor([2, 2]))
    assert torch.equal(state.chances, kept)
    state.age(rows, torch.tensor([3, 2]))
    assert not torch.equal(state.chances[0], kept[0])
    assert torch.equal(state.chances[1], kept[1])


def test_probes_go_where_the_chances_are():
    state = variables(Growth(at=(1,), importance="refresh"))
    rows = torch.arange(2)
    state.put(rows, changed(64, 27))
    state.age(rows, torch.tensor([1, 1]))
    index = state.draw(rows, Streams(2).uniform(rows, (256,)), 4)
    assert sorted(index[0].tolist()) == [102, 103, 118, 119]
