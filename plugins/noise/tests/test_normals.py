"""Numbered draws are the published function of their number, standard normal, and the same wherever they are made."""

import math

import numpy as np
import pytest
import torch

from advbench_noise import draws, normals
from advbench_noise.draws import Numbered

SEED = 0x1234_5678_9ABC_DEF0
ROTATIONS = ((10, 26), (11, 21), (13, 27), (23, 5), (6, 20), (17, 11), (25, 10), (18, 20))


def threefry(counter, key):
    """Salmon et al. 2011, section 4.2, 13 rounds: (n, 4) words from (n, 4) counters and a key of four."""
    keys = [np.uint32(word) for word in key]
    keys.append(np.bitwise_xor.reduce(np.array(keys)) ^ np.uint32(0x1BD11BDA))
    x = counter.astype(np.uint32) + np.array(keys[:4])
    for step in range(13):
        for at, turn in zip((0, 2), ROTATIONS[step % 8], strict=True):
            other = at + 1 if step % 2 == 0 else 3 - at
            x[:, at] += x[:, other]
            x[:, other] = (x[:, other] << np.uint32(turn)) | (x[:, other] >> np.uint32(32 - turn))
            x[:, other] ^= x[:, at]
        if step % 4 == 3:
            at = step // 4 + 1
            x += np.array([keys[(at + i) % 5] for i in range(4)])
            x[:, 3] += np.uint32(at)
    return x


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ("00000000" * 4, "00000000" * 4, "531c7e4f 39491ee5 2c855a92 3d6abf9a"),
        ("ffffffff" * 4, "ffffffff" * 4, "c4189358 1c9cc83a d5881c67 6a0a89e0"),
        ("243f6a8885a308d313198a2e03707344", "a4093822299f31d0082efa98ec4e6c89", "4aa71d8f 734738c2 431fc6a8 ae6debf1"),
    ],
)
def test_the_reference_gives_the_published_answers(counter, key, words):
    cut = lambda text: [int(text[i : i + 8], 16) for i in range(0, 32, 8)]  # noqa: E731
    assert threefry(np.array([cut(counter)]), cut(key))[0].tolist() == cut(words.replace(" ", ""))


def by_definition(size, row, place, number, seed=SEED):
    """Box and Muller in float64, tiles of 1024 as the kernel lays them out."""
    found = []
    for start in range(0, size, 1024):
        whole = -(-min(1024, size - start) // 64) * 16
        counters = np.array([(start // 4 + i, row, place, number) for i in range(whole)])
        words = threefry(counters, (seed & 0xFFFFFFFF, seed >> 32, 0, 0)).astype(np.float64)
        u, angle = (words[:, ::2] + 0.5) / 2**32, words[:, 1::2] * (2 * np.pi / 2**32)
        radius = np.sqrt(-2 * np.log(u))
        parts = (radius * np.sin(angle), radius * np.cos(angle))
        found.append(np.concatenate([parts[half][:, pair] for pair in (0, 1) for half in (0, 1)]))
    return np.concatenate(found)[:size]


@pytest.mark.parametrize("size", [1, 7, 64, 1000, 1024, 5001])
def test_each_number_is_what_its_number_says_to_float_precision(size):
    out = np.empty((3, size), np.float32)
    normals.fill(out, 2**32 - 3, 7, 11, SEED)
    for row in range(3):
        assert np.abs(out[row] - by_definition(size, 2**32 - 3 + row, 7, 11)).max() < 2e-6


def test_the_ends_of_the_range_are_finite():
    """The words that give the smallest and largest radius, which no test of chance ever meets."""
    words = np.array([0, 1, 2**24, 2**31, 2**32 - 2, 2**32 - 1], np.uint32)
    wanted = np.sqrt(-2 * np.log((words.astype(np.float64) + 0.5) / 2**32))
    assert np.allclose([normals._radius(word) for word in words], wanted, rtol=2e-6, atol=3e-4)


def far_from_normal(numbers):
    """What is wrong with a sample as one of standard normals, each with a chance below 1e-4 if nothing is.

    Tails are counted in all of it, moments and distribution taken of its beginning.
    """
    x = numbers[: 2**19].double()
    moments = {1: (0, 1), 2: (1, 2), 3: (0, 15), 4: (3, 96)}  # power: mean and variance of z^power
    wrong = [
        f"moment {power}"
        for power, (mean, variance) in moments.items()
        if abs(float((x**power).mean()) - mean) > 4 * math.sqrt(variance / len(x))
    ]
    steps = (torch.arange(len(x), dtype=torch.float64) + 0.5) / len(x)
    if float((torch.special.ndtr(x.sort().values) - steps).abs().max()) > 2.3 / math.sqrt(len(x)):
        wrong.append("Kolmogorov-Smirnov")
    for sigmas in (3, 4, 4.5):
        beyond = len(numbers) * math.erfc(sigmas / math.sqrt(2))
        if abs(int((numbers.abs() > sigmas).sum()) - beyond) > 4 * math.sqrt(beyond) + 1:
            wrong.append(f"beyond {sigmas}")
    return wrong


def test_they_are_standard_normal_to_beyond_four_sigma():
    assert far_from_normal(Numbered(SEED)(0, (256, 32, 1024)).flatten()) == []


def test_what_is_only_nearly_normal_is_found_out():
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(2**22, generator=generator)
    assert "moment 1" in far_from_normal(z + 0.01)
    assert "moment 2" in far_from_normal(z * 1.01)
    assert "Kolmogorov-Smirnov" in far_from_normal((z * 4).round() / 4)
    assert far_from_normal(z.clamp(-4.4, 4.4)) == ["beyond 4.5"]
    assert "moment 4" in far_from_normal(torch.rand(12, 2**18, generator=generator).sum(dim=0) - 6)


def most_related(samples):
    """The largest correlation between samples (k, n), of values and of sizes, in standard deviations of chance."""
    n = samples.shape[1]
    return max(float(torch.corrcoef(f).fill_diagonal_(0).abs().max()) for f in (samples, samples.abs())) * math.sqrt(n)


def test_neighbours_rows_passes_places_and_seeds_have_nothing_to_do_with_each_other():
    draw = Numbered(SEED)
    first, second = draw(0, (8, 256, 1024)), draw(0, (8, 256, 1024))
    shifts = torch.stack([first.flatten().roll(by) for by in (0, 1, 2, 16, 256, 512, 1024)])
    assert most_related(shifts) < 5
    others = [draw(1, first.shape), Numbered(SEED + 1)(0, first.shape), Numbered(SEED ^ 2**62)(0, first.shape)]
    assert most_related(torch.stack([first, second, *others]).flatten(1)) < 5
    assert most_related(first.flatten(1)) < 5
    assert most_related(torch.stack([first.flatten(), first.flatten() + 0.01 * second.flatten()])) > 5


@pytest.mark.parametrize("shape", [(5, 3, 7, 11), (4, 2, 32, 33)])
def test_what_is_added_and_what_comes_back_are_of_the_same_draws(shape):
    draw = Numbered(SEED)
    eps = draw(3, shape)
    generator = torch.Generator().manual_seed(0)
    v, delta, level = (torch.randn(size, generator=generator) for size in (shape, shape, shape[1:]))
    added = v.clone()
    draw.add(added, level, 3, 0)
    assert torch.allclose(added, v + level * eps, atol=1e-6)
    assert torch.allclose(draw.slope(delta, 3, 0), (delta * eps).sum(dim=0), atol=1e-5)
    assert torch.equal(draw.slope(torch.ones_like(v[:1]), 3, 0), eps[0])
    assert not torch.allclose(draw.slope(delta, 3, 1), (delta * eps).sum(dim=0), atol=1e-5)


def test_a_smaller_batch_has_the_first_rows_of_a_larger_one():
    assert torch.equal(Numbered(SEED)(0, (2, 3, 4, 5)), Numbered(SEED)(0, (6, 3, 4, 5))[:2])


def test_how_many_passes_are_drawn_in_one_go_moves_nothing(monkeypatch):
    shapes = [(6, 9), (6, 9), (6, 9), (2, 9), (6, 9)]

    def drawn():
        draw = Numbered(SEED)
        return torch.cat([draw(0, shape).flatten() for shape in shapes])

    together = drawn()
    monkeypatch.setattr(draws, "_BLOCK", 2 * 6 * 9)
    assert torch.equal(drawn(), together)
    assert len(set(together.tolist())) == len(together)
