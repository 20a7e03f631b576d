"""Glass blur against a plain loop over pixels that was written from its description."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

sys.path.insert(0, str(Path(__file__).resolve().parent))
from corruption_case import pictures, spoil

from advbench_corruptions.pictures import GlassBlur, blurred, frosted, scanned
from advbench_corruptions.severities import GLASS, Glass


def reference(image, glass, moves, copies):
    """One image (C, H, W) in [0, 1]; moves[turn, i, j] = (down, across)."""
    height, width = image.shape[1:]

    def blur(channels):
        return np.stack([gaussian_filter(one, glass.sigma, truncate=4.0, mode="nearest") for one in channels])

    levels = np.floor(blur(image) * 255)
    for turn in range(glass.times):
        for i, h in enumerate(range(height - glass.reach, glass.reach, -1)):
            for j, w in enumerate(range(width - glass.reach, glass.reach, -1)):
                down, across = moves[turn, i, j]
                mine, other = levels[:, h, w].copy(), levels[:, h + down, w + across].copy()
                levels[:, h, w] = other
                levels[:, h + down, w + across] = other if copies else mine
    return blur(levels / 255).clip(0, 1)


def moves_for(shape, glass, n, seed=0):
    generator = torch.Generator().manual_seed(seed)
    size = (n, glass.times, *scanned(shape, glass.reach), 2)
    return torch.randint(-glass.reach, glass.reach, size, generator=generator)


@pytest.mark.parametrize("copies", [False, True])
@pytest.mark.parametrize("glass", [GLASS["cifar10"][2], GLASS["tiny-imagenet"][4], Glass(0.7, 3, 1)])
def test_it_is_what_the_description_says_pixel_by_pixel(glass, copies):
    # Multiples of an odd step, so that no blurred level lies on the edge between two bytes.
    x = (pictures(3, 2, 12, 11).double() * 200).round() / 211 + 0.013
    moves = moves_for(x.shape[1:], glass, 3)
    found = frosted(x, glass, moves, copies)
    for row in range(3):
        wanted = reference(x[row].numpy(), glass, moves[row].numpy(), copies)
        assert np.abs(found[row].numpy() - wanted).max() < 1e-9


def test_a_blur_is_scipys_and_a_narrow_one_is_nothing():
    x = pictures(2, 3, 9, 13).double()
    for sigma in (0.25, 0.7, 1.5):
        wanted = gaussian_filter(x.numpy(), (0, 0, sigma, sigma), truncate=4.0, mode="nearest")
        assert np.abs(blurred(x, sigma).numpy() - wanted).max() < 1e-12
    assert torch.equal(blurred(x, 0.05), x)


def test_swaps_keep_all_pixels_and_copies_do_not():
    x = (pictures(2, 1, 16, 16) * 255).floor() / 255
    glass = Glass(0.05, 2, 3)
    moves = moves_for((1, 16, 16), glass, 2)
    swapped, copied = frosted(x + 1e-4, glass, moves, False), frosted(x + 1e-4, glass, moves, True)
    assert torch.allclose(swapped.flatten(1).sort().values, x.flatten(1).sort().values, atol=1e-6)
    assert not torch.allclose(copied.flatten(1).sort().values, x.flatten(1).sort().values, atol=1e-3)
    assert not torch.allclose(swapped, x, atol=1e-3)


def test_all_channels_of_a_pixel_move_together():
    x = pictures(1, 1, 12, 12).repeat(1, 3, 1, 1)
    spoilt = spoil(GlassBlur(severity=5), x).x
    assert torch.equal(spoilt[:, 0], spoilt[:, 1])
    assert torch.equal(spoilt[:, 0], spoilt[:, 2])


def test_auto_copies_in_colour_and_swaps_in_grey():
    grey, colour = pictures(2, 1, 12, 12), pictures(2, 3, 12, 12)
    for x, mode, other in ((grey, "swap", "copy"), (colour, "copy", "swap")):
        auto = spoil(GlassBlur(severity=4), x).x
        assert torch.equal(auto, spoil(GlassBlur(severity=4, exchange=mode), x).x)
        assert not torch.equal(auto, spoil(GlassBlur(severity=4, exchange=other), x).x)


def test_mnist_exchanges_every_other_pixel_by_chance():
    x = pictures(2, 1, 28, 28)
    half = spoil(GlassBlur(severity=1, constants="mnist"), x).x
    assert torch.equal(half, spoil(GlassBlur(severity=1, constants="imagenet", chance=0.5), x).x)
    assert not torch.equal(half, spoil(GlassBlur(severity=1, constants="imagenet"), x).x)
    still = spoil(GlassBlur(severity=1, constants="imagenet", chance=0.0), x).x
    assert torch.equal(still, blurred((blurred(x, 0.7) * 255).floor() / 255, 0.7).clamp(0, 1))


def test_a_picture_too_small_to_shuffle_is_blurred_alone():
    x = pictures(1, 1, 6, 6)
    glass = GLASS["imagenet"][4]
    spoilt = spoil(GlassBlur(severity=5, constants="imagenet"), x).x
    assert torch.equal(spoilt, blurred((blurred(x, glass.sigma) * 255).floor() / 255, glass.sigma).clamp(0, 1))
