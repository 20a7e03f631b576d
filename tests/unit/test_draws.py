"""Every number depends on names alone: not on the batch, the order, or what else is drawn."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from advbench.arena.draws import ExampleStreams, NoiseSource, QueryDraws, SeedPath, mix

CPU = torch.device("cpu")
KEYS = st.lists(st.integers(0, 10**6), min_size=1, max_size=6, unique=True)
KINDS = ["normal", "uniform", "integers"]


def draw(streams, kind, rows, shape):
    rows = torch.tensor(rows)
    return streams.integers(rows, shape, 7) if kind == "integers" else getattr(streams, kind)(rows, shape)


@settings(max_examples=40, deadline=None)
@given(keys=KEYS, shape=st.sampled_from([(), (3,), (17,), (2, 5)]), kind=st.sampled_from(KINDS), data=st.data())
def test_a_stream_depends_on_its_key_alone(keys, shape, kind, data):
    path = SeedPath(3, "attack")
    together = ExampleStreams(path, keys, CPU)
    rows = list(range(len(keys)))
    first, second = draw(together, kind, rows, shape), draw(together, kind, rows, shape)
    order = data.draw(st.permutations(rows))
    shuffled = ExampleStreams(path, [keys[i] for i in order], CPU)
    assert torch.equal(draw(shuffled, kind, rows, shape), first[order])
    for i, key in enumerate(keys):
        alone = ExampleStreams(path, [key], CPU)
        assert torch.equal(draw(alone, kind, [0], shape)[0], first[i])
        assert torch.equal(draw(alone, kind, [0], shape)[0], second[i])


def test_rows_that_are_left_out_draw_nothing():
    whole, part = (ExampleStreams(SeedPath(0), [1, 2, 3], CPU) for _ in range(2))
    whole.normal(torch.tensor([0, 1, 2]), (4,))
    part.normal(torch.tensor([0, 2]), (4,))
    ahead, behind = (streams.normal(torch.tensor([2, 1, 0]), (4,)) for streams in (whole, part))
    assert torch.equal(ahead[0], behind[0])
    assert torch.equal(ahead[2], behind[2])
    assert not torch.equal(ahead[1], behind[1])


def test_branches_seeds_and_keys_give_other_numbers():
    paths = [SeedPath(0, "attack"), SeedPath(1, "attack"), SeedPath(0, "noise"), SeedPath(0, "attack", "deeper")]
    drawn = [ExampleStreams(path, [key], CPU).normal(torch.tensor([0]), (8,)) for path in paths for key in (5, 6, "5")]
    assert len({tuple(numbers.flatten().tolist()) for numbers in drawn}) == len(drawn)


def test_names_are_neither_glued_nor_confused_with_numbers():
    seeds = [SeedPath(0, *names).seed() for names in [("ab",), ("a", "b"), (1,), ("1",), (), ("",), ("a", "")]]
    assert len(set(seeds)) == len(seeds)
    assert SeedPath(0, "a").child("b", 1).seed() == SeedPath(0, "a", "b", 1).seed()


def test_seeds_stay_what_they_were():
    # Stored reports were drawn with these: a change here changes every result.
    assert SeedPath(0, "attack", "zoo", 7).seed() == 8647919857091987435
    assert mix(1, 2) == 8688467253428114782


def test_drawn_numbers_are_what_they_say():
    streams = ExampleStreams(SeedPath(0), [1, 2], CPU)
    rows = torch.tensor([0, 1])
    normal, uniform, whole = (draw(streams, kind, [0, 1], (20000,)) for kind in KINDS)
    assert (normal.dtype, uniform.dtype, whole.dtype) == (torch.float32, torch.float32, torch.int64)
    assert abs(float(normal.mean())) < 0.02
    assert abs(float(normal.std()) - 1) < 0.02
    assert 0 <= float(uniform.min()) < 0.001
    assert 0.999 < float(uniform.max()) < 1
    assert whole.unique().tolist() == list(range(7))
    assert abs(float(torch.corrcoef(normal)[0, 1])) < 0.02
    assert streams.normal(rows[:0], (3,)).shape == (0, 3)


@settings(max_examples=30, deadline=None)
@given(
    points=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 10**5)), min_size=1, max_size=8),
    shape=st.sampled_from([(), (5,), (16,), (3, 3)]),
)
def test_noise_comes_row_by_row_from_example_and_query_number(points, shape):
    source = NoiseSource(SeedPath(0, "noise"), [10, 11, 12, 13])
    rows, numbers = zip(*points, strict=True)
    together = QueryDraws(source.seeds(rows, numbers), CPU)
    first, second = together.normal(shape), together.uniform(shape)
    for i, (row, number) in enumerate(points):
        alone = QueryDraws(NoiseSource(SeedPath(0, "noise"), [10 + row]).seeds([0], [number]), CPU)
        assert torch.equal(alone.normal(shape)[0], first[i])
        assert torch.equal(alone.uniform(shape)[0], second[i])


def test_a_second_call_is_fresh_and_a_new_pass_repeats():
    seeds = [1, 2]
    draws = QueryDraws(seeds, CPU)
    first, second = draws.normal((4,)), draws.normal((4,))
    assert not torch.equal(first, second)
    assert torch.equal(QueryDraws(seeds, CPU).normal((4,)), first)
    assert not torch.equal(first[0], first[1])


@pytest.mark.parametrize("number", [0, 1, 10**9, (1 << 63) - 1])
def test_mixing_is_a_63_bit_number_without_near_repeats(number):
    mixed = {mix(seed, number + step) for seed in range(20) for step in range(20)}
    assert len(mixed) == 400
    assert all(0 <= value < 1 << 63 for value in mixed)
